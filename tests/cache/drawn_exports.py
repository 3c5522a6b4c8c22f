"""Draws projects in which uv itself exports the third-party set, and edits that touch it or leave it alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.cache.drawn_contexts import MARK, draw_tree, edit_tree
from tests.cache.pairs import BASE, NONCE, VARIANT, Block, File, Project

if TYPE_CHECKING:
    from random import Random

    from tests.cache.pairs import Tree

FLAGS = ("", " --no-dev", " --no-hashes", " --no-header", " --all-groups", " --no-dev --no-annotate")
OUTPUTS = (" -q -o /recipe.txt", " -q > /recipe.txt", " --output-file=/recipe.txt")
OWN = 'name = "app"\nversion = "{app}"\nsource = {{ virtual = "." }}\ndependencies = [{{ name = "one" }}]\n'
LOCKED = """\
[[package]]
name = "{name}"
version = "{version}"
source = {{ registry = "https://index.example/simple" }}
wheels = [{{ url = "https://files.example/{name}-{version}-py3-none-any.whl", hash = "sha256:{digest}" }}]
"""


def draw_exported(random: Random) -> Project:
    """A project whose dependencies are installed from what an exporter wrote."""
    command = f"uv export --frozen --offline --no-emit-project{random.choice(FLAGS)}{random.choice(OUTPUTS)}"
    text = f"""\
FROM {VARIANT}:uv AS recipe
RUN echo {NONCE}-0 > /nonce
WORKDIR /recipe
COPY pyproject.toml uv.lock {random.choice(("", "README.md "))}./
RUN {command}
FROM {BASE} AS dependencies
RUN echo {NONCE}-1 > /nonce
COPY --from=recipe /recipe.txt /recipe.txt
RUN mkdir -p /venv && cp /recipe.txt /venv/installed
FROM {BASE}
RUN echo {NONCE}-2 > /nonce
COPY --from=dependencies /venv /venv
COPY src src
RUN true
"""
    blocks = tuple(Block(line.split()[0], line, pinned=True) for line in text.splitlines())
    return Project(blocks, {**draw_tree(random), **project("1.0", "1.0", "1.0", "")})


def project(app: str, one: str, tool: str, more: str) -> Tree:
    """Manifest and lock: versions of the project, of what it needs, of what its developers need; and more settings."""
    manifest = (
        f'[project]\nname = "app"\nversion = "{app}"\nrequires-python = ">=3.11"\ndependencies = ["one>=1"]\n\n'
        f'[dependency-groups]\ndev = ["tool"]\n\n[tool.other]\nmark = "{MARK.decode()}"\n{more}'
    )
    own = (
        f'[[package]]\n{OWN.format(app=app)}\n[package.dev-dependencies]\ndev = [{{ name = "tool" }}]\n\n'
        '[package.metadata]\nrequires-dist = [{ name = "one", specifier = ">=1" }]\n\n'
        '[package.metadata.requires-dev]\ndev = [{ name = "tool" }]\n'
    )
    parts = ['version = 1\nrevision = 3\nrequires-python = ">=3.11"\n', own, locked("one", one), locked("tool", tool)]
    return {"pyproject.toml": File(manifest.encode()), "uv.lock": File("\n".join(parts).encode())}


def locked(name: str, version: str) -> str:
    """A package in the lock."""
    return LOCKED.format(name=name, version=version, digest=f"{name}{version}".encode().hex().ljust(64, "0"))


CHANGES = {
    "bump the version": ("1.1", "1.0", "1.0", ""),
    "upgrade a dependency": ("1.0", "1.1", "1.0", ""),
    "upgrade what developers need": ("1.0", "1.0", "1.1", ""),
    "change a tool's setting": ("1.0", "1.0", "1.0", "width = 100\n"),
    "bump the version and change a setting": ("2.0", "1.0", "1.0", "width = 100\n"),
    "bump the version and upgrade": ("2.0", "1.2", "1.0", ""),
}


def edit_exported(random: Random, before: Project) -> tuple[Project, tuple[str, ...]]:
    """The project after a change of its manifest and lock, sometimes of a file besides."""
    words = random.choice(list(CHANGES))
    tree = {**before.tree, **project(*CHANGES[words])}
    edits: tuple[str, ...] = (words,)
    if random.random() < 0.25:
        tree, more = edit_tree(random, tree, ("README.md", "src"))
        edits = (words, more)
    return replace(before, tree=tree), edits
