"""The programs of which it is known what they do to files, and how their options are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.filework import change_mode, change_owner, copy, install, link, make_directory, move, remove, touch
from depsfirst.cache.nodes import Derived, File, Fresh, LostError, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.cache.effects import Effects
    from depsfirst.dockerfile.shell import Command

Output = bytes | Node | None
"""What a command writes to its standard output; None if nobody knows."""


class Program(NamedTuple):
    """A program.

    Attributes:
        run: does what a command of it does, given what it reads from its standard input; its standard output.
        writes: it changes files besides those that the shell opens for it.
    """

    run: Callable[[Effects, Command, Output], Output]
    writes: bool = False


def _silent(_: Effects, __: Command, ___: Output) -> Output:
    return b""


def _unknown(_: Effects, __: Command, ___: Output) -> Output:
    return None


_ACTIONS = frozenset({"-delete", "-exec", "-execdir", "-ok", "-okdir", "-fls", "-fprint", "-fprint0", "-fprintf"})


def _find(_: Effects, command: Command, __: Output) -> Output:
    texts = texts_of(command)
    if texts is None or _ACTIONS & set(texts):
        raise LostError("find")
    return None


def texts_of(command: Command) -> tuple[str, ...] | None:
    """The arguments of a command; None if they are not all known."""
    texts = [word.text for word in command.words[1:] if not (word.splits or word.pattern)]
    known = tuple(text for text in texts if text is not None)
    return known if len(known) == len(command.words) - 1 else None


def _echo(_: Effects, command: Command, __: Output) -> Output:
    texts = texts_of(command)
    if texts is None:
        return None
    ends = "\n"
    if texts[:1] == ("-n",):
        texts, ends = texts[1:], ""
    text = " ".join(texts)
    if "\\" in text or (texts[:1] and re.fullmatch("-[neE]+", texts[0])):
        return Derived(("echo", ends, texts), ())
    return (text + ends).encode(errors="surrogateescape")


def _printf(_: Effects, command: Command, __: Output) -> Output:
    texts = texts_of(command)
    if not texts:
        return None
    if len(texts) == 1 and not re.search(r"[%\\]", texts[0]):
        return texts[0].encode(errors="surrogateescape")
    return Derived(("printf", texts), ())


def _cat(effects: Effects, command: Command, given: Output) -> Output:
    texts = texts_of(command)
    if texts is None:
        return None
    if not texts or texts == ("-",):
        return given
    if any(text.startswith("-") for text in texts):
        return _pure(effects, command, given)
    nodes = [effects.found(effects.absolute(text, command)) for text in texts]
    if len(nodes) == 1:
        return nodes[0]
    data = [node.text for node in nodes if isinstance(node, File) and node.text is not None]
    return b"".join(data) if len(data) == len(nodes) else Derived(("cat",), tuple(nodes))


def _date(effects: Effects, command: Command, _: Output) -> Output:
    texts = texts_of(command)
    if texts is None:
        return None
    formats = [text for text in texts if text.startswith("+")]
    if any(text.startswith("-") and text not in ("-u", "-R", "-Is", "-Ins") for text in texts):
        return None
    if formats and not re.search("%[Ns]", formats[0]):
        return None
    return Fresh(effects.key, "")


def _tee(effects: Effects, command: Command, given: Output) -> Output:
    texts = texts_of(command)
    if texts is None or not command.always:
        raise LostError("tee")
    append = texts[:1] == ("-a",)
    for text in texts[append:]:
        if text.startswith("-"):
            raise LostError(f"tee {text}")
        path = effects.absolute(text, command)
        if path != "/dev/null":
            effects.write(path, given, append=append)
    return given


_RISKY = {
    "sort": re.compile("-[a-zA-Z]*o|--output|-T|--temp"),
    "grep": re.compile("-[a-zA-Z]*f"),
    "sed": re.compile(r"-[a-zA-Z]*[if]|--in-place|--file|(^|[;\n{}/0-9$!])\s*[werRW]\s"),
}
_RISKY["egrep"] = _RISKY["fgrep"] = _RISKY["grep"]


def _pure(effects: Effects, command: Command, given: Output) -> Output:
    """What depends on its arguments alone, and on the files that they name."""
    texts = texts_of(command)
    if texts is None:
        return None
    name = command.program or ""
    risky = _RISKY.get(name)
    if (risky and any(risky.search(text) for text in texts)) or (name == "uniq" and len(texts) > 1):
        raise LostError(name)
    operands = [text for text in texts if not text.startswith("-")]
    nodes = [effects.found(effects.absolute(text, command)) for text in operands if text and len(text) < _LONGEST]
    if isinstance(given, bytes):
        return Derived((name, texts, given), tuple(nodes))
    return None if given is None and not any(nodes) else Derived((name, texts), (*nodes, given))


_LONGEST = 1000


def _stream_editor(effects: Effects, command: Command, given: Output) -> Output:
    texts = texts_of(command)
    if texts is None or texts[:1] != ("-i",):
        return _pure(effects, command, given)
    if len(texts) < 3 or texts[1].startswith("-") or _RISKY["sed"].search(texts[1]):  # noqa: PLR2004
        raise LostError("sed")
    for text in texts[2:]:
        path = effects.absolute(text, command)
        node = effects.found(path)
        if text.startswith("-") or node is None:
            raise LostError(path)
        effects.root = effects.put(path, Derived(("sed", texts[1]), (node,)))
    return b""


_SILENT = "true : false test [ [[ cd export unset set shift sleep sync wait ulimit readonly local alias exit return"
_TALKING = "ls pwd id whoami which type command hash uname hostname env printenv stat du df nproc getent arch"
_PURE = (
    "sort uniq head tail wc grep egrep fgrep cut tr sha256sum sha512sum sha1sum md5sum base64 basename dirname seq "
    "expr rev nl paste comm diff cmp tac fold od hexdump"
)

PROGRAMS: dict[str, Program] = {
    "": Program(_silent),
    **dict.fromkeys(_SILENT.split(), Program(_silent)),
    **dict.fromkeys(_TALKING.split(), Program(_unknown)),
    **dict.fromkeys(_PURE.split(), Program(_pure)),
    "echo": Program(_echo),
    "printf": Program(_printf),
    "cat": Program(_cat),
    "date": Program(_date),
    "find": Program(_find),
    "tee": Program(_tee, writes=True),
    "sed": Program(_stream_editor, writes=True),
    "mkdir": Program(make_directory, writes=True),
    "touch": Program(touch, writes=True),
    "rm": Program(remove, writes=True),
    "cp": Program(copy, writes=True),
    "mv": Program(move, writes=True),
    "ln": Program(link, writes=True),
    "chmod": Program(change_mode, writes=True),
    "chown": Program(change_owner, writes=True),
    "install": Program(install, writes=True),
}
