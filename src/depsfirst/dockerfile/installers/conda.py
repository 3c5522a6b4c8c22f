"""conda, mamba, micromamba and conda-lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide
from depsfirst.dockerfile.installers.model import Cache, Installation, Installs
from depsfirst.dockerfile.installers.requirements import (
    Requirements,
    is_installer,
    read_editable,
    read_file,
    read_operand,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.shell import Word

_VALUED = frozenset(
    [
        "--name",
        "--prefix",
        "--file",
        "--channel",
        "--root-prefix",
        "--platform",
        "--solver",
        "--category",
        "--rc-file",
        "--override-channels-from",
        "--repodata-fn",
        "--clone",
        "--subdir",
        "--log-level",
        "--relocate-prefix",
        "--dev-dependencies",
        "--extras",
        "--micromamba-path",
        "--lockfile",
        "--kind",
        "--mamba-root",
        "--conda",
        "--extra-safety-checks",
    ]
)
_SHORT = {"-n": "--name", "-p": "--prefix", "-f": "--file", "-c": "--channel", "-r": "--root-prefix"}
_INSTALLS = frozenset({"install", "create", "update", "upgrade"})
_NOTHING = frozenset({"--dry-run", "-d", "--help", "-h", "--version", "-V"})
_PIP_LINE = re.compile(r"^\s*-\s*[\"']?((?:-r|-e|--requirement|--editable)[\s=]\s*)?([^\"'\n#]+?)[\"']?\s*(?:#.*)?$")


def read(call: Call) -> Iterator[Finding]:
    """What a call of one of them does."""
    arguments = divide(call.words, _VALUED, _SHORT)
    if arguments.has(*_NOTHING) or not arguments.operands:
        return
    verb, *operands = arguments.operands
    if verb.text == "env" and operands:
        verb, *operands = operands
        if verb.text in ("create", "update"):
            yield _installation(call, f"env {verb.text}", arguments, operands, is_environment=True)
    elif verb.text in _INSTALLS:
        yield _installation(call, verb.text or "", arguments, operands, is_environment=False)


def _installation(
    call: Call, verb: str, arguments: Arguments, operands: list[Word], *, is_environment: bool
) -> Installation:
    if call.tool == "conda-lock":
        files = [call.path(word) or "" for word in operands] or [call.at("conda-lock.yml")]
        return _made(call, verb, arguments, Requirements(files=tuple(files)), None)
    names = [call.path(word) or "" for word in arguments.values("--file")]
    if is_environment and not names and not arguments.open:
        names = [call.at("environment.yml")]
        operands = []
    found = Requirements(files=tuple(names))
    answers: list[bool | None] = []
    for name in names:
        more, answer = _environment_file(call, name)
        found = found.with_more(more)
        answers.append(answer)
    for word in operands:
        found = found.with_more(Requirements(packages=(word.text or word.source,)))
    answer = True if True in answers else None if None in answers else False
    return _made(call, verb, arguments, found, answer)


def _made(call: Call, verb: str, arguments: Arguments, found: Requirements, with_project: bool | None) -> Installation:  # noqa: FBT001 -- an answer, not a switch
    only_installers = bool(found.packages) and all(map(is_installer, found.packages)) and not found.files
    bare = verb == "create" and not (found.packages or found.files)
    kind = Installs.INSTALLER if only_installers or bare else Installs.DEPENDENCIES
    target = arguments.value("--prefix", "--name")
    return Installation(
        call.tool,
        verb,
        kind,
        call.command,
        inputs=(*found.files, *found.directories),
        packages=found.packages,
        with_project=False if call.tool == "conda-lock" else with_project,
        project=found.directories[0] if found.directories else None,
        selection=arguments.selection("--category", "--extras", "--dev-dependencies"),
        target=target.text if target else None,
        cache=_cache(call),
    )


def _cache(call: Call) -> Cache:
    if named := call.get("CONDA_PKGS_DIRS"):
        return Cache(tuple(call.at(path) for path in named.split(",")))
    root = call.get("MAMBA_ROOT_PREFIX") or call.get("CONDA_DIR")
    return Cache((f"{root}/pkgs",) if root else ())


def _environment_file(call: Call, path: str) -> tuple[Requirements, bool | None]:
    """What pip installs besides, as environment files can say below ``pip:``; whether that is a project."""
    if path.endswith((".txt", ".lock")):
        return Requirements(), False
    text = call.read(path)
    if text is None:
        return Requirements(), None
    found = Requirements()
    behind = text.partition("pip:")[2]
    for line in behind.splitlines():
        entry = _PIP_LINE.match(line)
        if not entry:
            continue
        option, value = entry[1] or "", entry[2]
        word = _word(value)
        if "-e" in option:
            found = found.with_more(read_editable(call, word))
        elif option:
            found = found.with_more(read_file(call, word))
        else:
            found = found.with_more(read_operand(call, word)._replace(packages=()))
    return found, found.with_project


def _word(value: str) -> Word:
    from depsfirst.dockerfile.shell import literal

    return literal(value.strip())
