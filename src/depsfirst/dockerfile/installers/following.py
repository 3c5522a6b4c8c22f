"""What a command runs that stands in a file of the repository: targets of make, scripts, scripts of a manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.installers import is_known
from depsfirst.dockerfile.installers.call import Call, divide, manifest, table
from depsfirst.dockerfile.installers.model import Unknown
from depsfirst.dockerfile.installers.tools import is_shell
from depsfirst.dockerfile.shell import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.dockerfile.shell import Word

_TASKS = frozenset(
    {"just", "task", "invoke", "inv", "nox", "tox", "poe", "doit", "rake", "ansible-playbook", "mage", "waf"}
)
_SHELL_NAME = re.compile(r"(?:.*/)?(?:ba|da|a|z|k)?sh\Z")
_TELLING = re.compile(r"install|setup|bootstrap|require|deps|dependenc|provision", re.IGNORECASE)
_ASKS = frozenset({"--version", "--help", "-h", "-V", "version", "help"})
_BUILDERS = frozenset({"configure", "Configure", "config", "autogen.sh", "gradlew", "mvnw"})
_HARMLESS = re.compile(r"(?:/usr|/usr/local|/opt/\S+|/venv|\S*/\.?venv|/root/\.\w+|/home/\S+)?/s?bin/[^/]+\Z")


class Followed(NamedTuple):
    """Texts that a command has a shell run.

    Attributes:
        name: what is followed, as ``make bootstrap`` or the path of a script.
        texts: each for a shell of its own.
        cwd: the directory they run in; None if it is not known.
        variables: what they see besides.
        parameters: the arguments that a script is given, if they are known.
    """

    name: str
    texts: tuple[str, ...]
    cwd: str | None
    variables: Mapping[str, str | None]
    parameters: tuple[str, ...] | None = ()


def follow(call: Call) -> Followed | Unknown | None:
    """What a call runs of the repository's own; None if there is nothing to follow."""
    if call.tool in _TASKS:
        return Unknown(f'what "{call.tool}" runs stands in a file that is not followed', call.command)
    follower = _FOLLOWERS.get("sh" if is_shell(call.tool) else call.tool)
    if follower:
        return follower(call)
    first = call.command.words[0]
    by_path = (
        not is_known(call.tool) and first.text and "/" in first.text and call.tool == first.text.rpartition("/")[2]
    )
    return _script(call, first, call.words) if by_path else None


def _sourced(call: Call) -> Followed | Unknown | None:
    return _script(call, call.words[0], call.words[1:]) if call.words else None


def _python(call: Call) -> Unknown | None:
    """A program in Python is not followed; one whose name tells that it installs is said to be unknown."""
    name = (call.words[0].text or "").rpartition("/")[2] if call.words else ""
    if name.endswith(".py") and _TELLING.search(name):
        return Unknown(f'what "{name}" installs is not known, as programs in Python are not followed', call.command)
    return None


def _shell_file(call: Call) -> Followed | Unknown | None:
    """``bash script.sh``."""
    rest = list(call.words)
    while rest and (rest[0].text or "").startswith(("-", "+")):
        option = rest.pop(0).text or ""
        if option in ("-s", "-") or re.match(r"-[A-Za-z]*c", option):
            return None
        if option.endswith("o") and rest:
            rest.pop(0)
    return _script(call, rest[0], tuple(rest[1:])) if rest else None


def _script(call: Call, word: Word, arguments: tuple[Word, ...]) -> Followed | Unknown | None:
    """A script by its path."""
    if word.text is None:
        return Unknown(f'which script "{word.source}" is is not known', call.command)
    path = call.at(word.text)
    if arguments and all(each.text in _ASKS for each in arguments):
        return None
    text = call.read(word.text)
    if path.endswith(".py"):
        return _python(call._replace(words=(word,)))
    if text is None:
        return _unread(call, word.text, path)
    first = text.partition("\n")[0]
    if first.startswith("#!") and not any(_SHELL_NAME.match(part) for part in first[2:].split()):
        return _other_program(call, word.text, first)
    known = [each.text for each in arguments if each.text is not None and not each.splits and not each.pattern]
    parameters = tuple(known) if len(known) == len(arguments) else None
    return Followed(path, (text,), call.command.cwd, {"0": word.text}, parameters)


def _unread(call: Call, name: str, path: str) -> Unknown | None:
    """A script that cannot be read; what builds others' sources, and what stands where programs stand, is none."""
    builds = path.rpartition("/")[2] in _BUILDERS
    if builds or call.tool in ("source", ".") or _HARMLESS.match(path):
        return None
    return Unknown(f'what "{name}" runs is not known, as it cannot be read', call.command, path=path)


def _other_program(call: Call, name: str, first: str) -> Unknown | None:
    if not _TELLING.search(name):
        return None
    return Unknown(f'what "{name}" installs is not known, as it is no shell script ("{first}")', call.command)


def _make(call: Call) -> Followed | Unknown | None:
    """``make target``."""
    arguments = divide(_without_jobs(call.words), _MAKE_VALUED, _MAKE_SHORT)
    directory = arguments.value("--directory")
    inside = call.inside(directory.text) if directory else call
    assigned = [word for word in arguments.operands if "=" in word.head]
    targets = tuple(word.text or "" for word in arguments.operands if word not in assigned)
    name = " ".join(["make", *(target or "…" for target in targets)])
    if not all(targets) or arguments.open:
        return Unknown(f'which target "{name}" makes is not known', call.command)
    named = arguments.value("--file", "--makefile")
    names = [named.text or ""] if named else ["GNUmakefile", "makefile", "Makefile"]
    texts = [text for each in names if (text := inside.read(each)) is not None]
    if not texts or len(texts[0]) > LONGEST:
        reason = f'what "{name}" runs is not known, as its Makefile cannot be read'
        return Unknown(reason, call.command, path=inside.at(names[-1]))
    from depsfirst.dockerfile.makefile import read_makefile

    given = {word.head.partition("=")[0]: word.text and word.text.partition("=")[2] for word in assigned}
    variables = {**call.variables, **call.command.variables, **given}
    lines = read_makefile(texts[0], inside.read).lines(targets, variables)
    if lines is None:
        return Unknown(f'what "{name}" runs is not known, as its Makefile has no such target', call.command)
    return Followed(name, tuple(lines), inside.command.cwd, given)


def _without_jobs(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Arguments without the number behind ``-j``, which can be left out."""
    return tuple(
        word
        for index, word in enumerate(words)
        if not (index and words[index - 1].text in _JOBS and (word.text is None or word.text.isdecimal()))
    )


_JOBS = ("-j", "--jobs", "-l", "--load-average")
_MAKE_VALUED = frozenset({"--directory", "--file", "--makefile", "--include-dir", "--old-file", "--what-if"})
_MAKE_SHORT = {"-C": "--directory", "-f": "--file", "-I": "--include-dir"}


def _pdm(call: Call) -> Followed | None:
    """``pdm run NAME`` and ``pdm NAME``, where the manifest has a script of that name."""
    arguments = divide(call.words, frozenset({"--project", "-p"}))
    texts = [word.text for word in arguments.operands if word.text]
    name = texts[1] if texts[:1] == ["run"] and texts[1:] else texts[0] if texts else None
    scripts = table(manifest(call), "tool", "pdm", "scripts")
    if name is None or name not in scripts:
        return None
    lines = list(_pdm_lines(scripts, name, 0))
    return Followed(f"pdm run {name}", tuple(lines), call.command.cwd, {})


def _pdm_lines(scripts: Mapping[str, object], name: str, depth: int) -> list[str]:
    script = scripts.get(name)
    if isinstance(script, str):
        return [script]
    shape = table(script)
    parts = shape.get("composite")
    if isinstance(parts, list) and depth < len(scripts):
        return [line for part in parts for line in _pdm_part(scripts, str(part), depth)]
    command = shape.get("shell") or shape.get("cmd") or ""
    return [" ".join(map(str, command)) if isinstance(command, list) else str(command)]


def _pdm_part(scripts: Mapping[str, object], part: str, depth: int) -> list[str]:
    name, _, rest = part.partition(" ")
    lines = _pdm_lines(scripts, name, depth + 1) if name in scripts else [part]
    return [f"{line} {rest}".strip() if name in scripts else line for line in lines]


_FOLLOWERS: Mapping[str, Callable[[Call], Followed | Unknown | None]] = {
    ".": _sourced,
    "gmake": _make,
    "make": _make,
    "pdm": _pdm,
    "python": _python,
    "sh": _shell_file,
    "source": _sourced,
}
