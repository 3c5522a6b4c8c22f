"""Reads maintainer scripts without running them: the links of ``update-alternatives``, and what stays undone."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SCRIPTS = ("preinst", "postinst")
_TEST = r"\[\ [^]]*\ \]"
_HARMLESS = re.compile(
    rf"""
    \#.* | : | true | shift | set\ -e\w* | exit(\ 0)?
    | (el)?if\ !?\ ?{_TEST}(\ (&&|\|\|)\ {_TEST})*(\ ?;\ ?then)?
    | if\ (which|command\ -v)\ [\w.-]+(\ ?>\ ?/dev/null(\ 2>&1)?)?(\ ?;\ ?then)?
    | then | else | fi | do | case\ "\$1"\ in | \(?[\w|*\ -]+\) | ;; | esac
    | (py3?compile|py3?clean|ldconfig|dpkg-maintscript-helper|rm_conffile)\b.*
    """,
    re.VERBOSE,
)
"""Lines that would change nothing in an image: flow of control, byte code, the linker's cache, upgrades."""
_LOOP = re.compile(r"for (?P<variable>\w+) in (?P<values>[\w.+ -]+)(?: ?; do)?")
_TELLING = re.compile(
    r"(?<![\w/.-])(?:/usr)?(?:/s?bin/)?(add(?:user|group)|(?:user|group)(?:add|mod)|update-[\w-]+|dpkg-\w+|deb-systemd-\w+"
    r"|systemctl|invoke-rc\.d|glib-compile-\w+|gdk-pixbuf-\w+|fc-cache|ucfr?|db_\w+|ch(?:own|mod|grp)|mkdir|ln|cp|mv"
    r"|touch|setcap)(?![\w.-])"
)
"""Commands that a note names."""
_ACCOUNT = re.compile(r"(?<![\w/.-])(add(user|group)|(user|group)add)(?![\w.-])")


class Alternative(NamedTuple):
    """A link that ``update-alternatives`` manages: where it is, its name, its target and its priority.

    ``slaves`` are the links, names and targets that follow it.
    """

    link: str
    name: str
    target: str
    priority: int
    slaves: tuple[tuple[str, str, str], ...] = ()


class Script(NamedTuple):
    """What the scripts of a package do on a first installation.

    Attributes:
        alternatives: links to make.
        undone: a clause for people on the rest; empty when nothing is left.
    """

    alternatives: tuple[Alternative, ...]
    undone: str


def read_scripts(control: Mapping[str, bytes]) -> Script:
    """Read the scripts among the files of a package's control archive."""
    alternatives: list[Alternative] = []
    names: list[str] = []
    commands: set[str] = set()
    for name in _SCRIPTS:
        rest = []
        for line in _lines(control.get(name, b"").decode("utf-8", "replace")):
            found = _alternative(line)
            if found:
                alternatives.append(found)
            elif not _HARMLESS.fullmatch(line):
                rest.append(line)
        if name == "preinst":  # the rest of it is for upgrades
            rest = [line for line in rest if _ACCOUNT.search(line)]
        if rest:
            names.append(name)
            commands.update(match for line in rest for match in _TELLING.findall(line))
    return Script(tuple(alternatives), _clause(names, commands))


def best_alternatives(alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
    """Of each name the alternative of the highest priority, the first of equals; sorted by name."""
    best: dict[str, Alternative] = {}
    for each in alternatives:
        if each.name not in best or each.priority > best[each.name].priority:
            best[each.name] = each
    return tuple(best[name] for name in sorted(best))


def _lines(text: str) -> Iterator[str]:
    """The lines, those of a loop over literal words once for each word."""
    variable, values = "", [""]
    for words in (" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines()):
        loop = _LOOP.fullmatch(words)
        if loop:
            variable, values = loop["variable"], loop["values"].split()
        elif words == "done":
            variable, values = "", [""]
        elif words:
            yield from (_with(words, variable, value) for value in values)


def _with(line: str, variable: str, value: str) -> str:
    if not variable:
        return line
    return re.sub(rf"\$(?:{variable}\b|\{{{variable}\}})", lambda _: value, line)


def _alternative(line: str) -> Alternative | None:
    """The alternative that a line installs, if it says so with nothing but literal words."""
    if not line.startswith("update-alternatives ") or any(mark in line for mark in "$`|&;<>"):
        return None
    try:
        words = [word for word in shlex.split(line)[1:] if word not in {"--force", "--quiet"}]
    except ValueError:
        return None
    if len(words) < 5 or words[0] != "--install" or not words[4].isdecimal():  # noqa: PLR2004 - its four arguments
        return None
    slaves = [tuple(words[place + 1 : place + 4]) for place in range(5, len(words), 4) if words[place] == "--slave"]
    triples = tuple((slave[0], slave[1], slave[2]) for slave in slaves if len(slave) == 3)  # noqa: PLR2004 - the same
    return Alternative(words[1], words[2], words[3], int(words[4]), triples)


def _clause(names: list[str], commands: set[str]) -> str:
    if not names:
        return ""
    verb = "was" if len(names) == 1 else "were"
    calls = f", which would call {', '.join(sorted(commands))}" if commands else ""
    return f"its {' and '.join(names)} {verb} not run{calls}"
