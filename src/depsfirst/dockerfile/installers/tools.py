"""Which tool a command calls, by whatever name: ``python3 -m pip``, ``/opt/venv/bin/pip3.12``, ``npx playwright``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.installers.model import Unknown

if TYPE_CHECKING:
    from depsfirst.dockerfile.shell import Command, Word

_PIP = re.compile(r"pip[0-9.]*\Z")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?\Z|py\Z")
_PACKAGE_RUNNERS = frozenset({"npx", "bunx", "pnpx"})
_FRONTEND = frozenset({"pnpm", "yarn", "npm", "bun", "deno"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_VALUED = ("-W", "-X", "--check-hash-based-pycs")
_MODULES = {"pip._internal": "pip", "easy_install": "easy_install", "huggingface_hub.commands.huggingface_cli": "hf"}
_MODULES |= {"piptools": "piptools", "huggingface_hub.cli.hf": "hf"}


class Tool(NamedTuple):
    """A tool by its usual name, and what stands behind it."""

    name: str
    words: tuple[Word, ...]


def tool_of(command: Command) -> Tool | Unknown | None:
    """The tool that a command calls; None without a program, or for one that runs no installer."""
    if not command.words:
        return None
    program, words = command.program, command.words[1:]
    if program is None:
        return _unknown_program(command)
    if _PYTHON.match(program):
        return _python(words)
    if program in _PACKAGE_RUNNERS:
        return _npx(words)
    if program in _FRONTEND and [word.text for word in words[:2]] == ["exec", "playwright"]:
        return Tool("playwright", words[2:])
    return Tool("pip" if _PIP.match(program) else program.removeprefix("xx-"), words)


def _unknown_program(command: Command) -> Unknown | None:
    source = command.words[0].source
    if source.strip("\"'") in ("$@", "$*") or source.startswith(("$(", "`")):
        return None
    return Unknown(f'which program "{source}" is is not known', command)


def _python(words: tuple[Word, ...]) -> Tool | None:
    """A module, a script or a text that Python runs."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        text = word.text or ""
        if text in _VALUED:
            rest = rest[1:]
        elif found := re.match(r"-[bBdEhiIOqRsSuvx]*m(.*)", text):
            return _module(found[1] or (rest.pop(0).text or "" if rest else ""), rest)
        elif re.match(r"-[bBdEhiIOqRsSuvx]*c\Z", text):
            return Tool("python -c", tuple(rest[:1]))
        elif not text.startswith("-") or text == "-":
            name = text.rpartition("/")[2]
            if name in ("setup.py", "get-pip.py"):
                return Tool(name, tuple(rest))
            return Tool("python", (word, *rest))
    return Tool("python", ())


def _module(name: str, rest: list[Word]) -> Tool | None:
    name = _MODULES.get(name, name)
    if name == "piptools":
        return Tool(f"pip-{rest[0].text}", tuple(rest[1:])) if rest else None
    return Tool(name, tuple(rest))


def _npx(words: tuple[Word, ...]) -> Tool:
    for index, word in enumerate(words):
        text = word.text or ""
        if not text.startswith("-"):
            if re.match(r"playwright(?:-core)?(?:@.*)?\Z", text):
                return Tool("playwright", words[index + 1 :])
            break
    return Tool("npx", words)


def is_shell(name: str) -> bool:
    """Whether a tool is a shell."""
    return name in _SHELLS
