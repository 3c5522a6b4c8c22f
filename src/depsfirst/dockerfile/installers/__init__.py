"""Which installers there are: one file per family, each says what its commands install, and from what."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depsfirst.dockerfile.installers.call import Call
    from depsfirst.dockerfile.installers.model import Finding

FAMILIES = {
    "pip": (
        "pip",
        "pip-compile",
        "pip-sync",
        "pipx",
        "easy_install",
        "setup.py",
        "get-pip.py",
        "maturin",
        "opentelemetry-bootstrap",
        "build",
        "hatch",
        "flit",
    ),
    "uv": ("uv", "uvx"),
    "poetry": ("poetry",),
    "pdm": ("pdm",),
    "pipenv": ("pipenv",),
    "conda": ("conda", "mamba", "micromamba", "conda-lock", "conda-env"),
    "pixi": ("pixi",),
    "system": ("apt-get", "apt", "aptitude", "apk", "dnf", "yum", "microdnf", "tdnf", "zypper", "pacman"),
    "frontend": ("npm", "npx", "yarn", "yarnpkg", "pnpm", "bun", "deno", "corepack"),
    "downloads": (
        "playwright",
        "python -c",
        "spacy",
        "huggingface-cli",
        "hf",
        "nltk",
        "nltk.downloader",
        "camoufox",
        "git",
        "curl",
        "wget",
    ),
    "files": ("chown", "chmod"),
}
_FAMILY_OF = {tool: family for family, tools in FAMILIES.items() for tool in tools}

ALIASES = {"yarnpkg": "yarn", "conda-env": "conda"}


def is_known(tool: str) -> bool:
    """Whether a family knows a tool."""
    return tool in _FAMILY_OF


def findings(call: Call) -> Iterable[Finding]:
    """What a call of a known tool installs, exports, downloads or owns anew; nothing for most of its verbs."""
    module = import_module(f"depsfirst.dockerfile.installers.{_FAMILY_OF[call.tool]}")
    read: Callable[[Call], Iterable[Finding]] = module.read
    return read(call)
