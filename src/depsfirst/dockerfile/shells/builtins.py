"""What a shell does itself: directories, variables, tests, and the end of its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.dockerfile.shell import Command
    from depsfirst.dockerfile.shells.execution import Execution

DEEPEST = 12
"""Texts within texts, and calls within calls, that are followed."""


def _change_directory(shell: Execution, command: Command) -> None:
    operands = [word for word in command.words[1:] if word.text not in ("-P", "-L", "--", "-e")]
    if command.program == "pushd":
        shell.directories = (*shell.directories, shell.cwd)
    if not operands:
        shell.cwd = shell.home
        return
    text = operands[0].text
    shell.cwd = None if text is None or text.startswith(("-", "+")) or operands[0].pattern else shell.at(text)


def _pop_directory(shell: Execution, _: Command) -> None:
    shell.cwd = shell.directories[-1] if shell.directories else None
    shell.directories = shell.directories[:-1]


def _export(shell: Execution, command: Command) -> None:
    for word in command.words[1:]:
        name, equals, _ = word.head.partition("=")
        if equals:
            shell.set(name, None if word.text is None else word.text.partition("=")[2])
        shell.exported |= {name}


def _forget(shell: Execution, command: Command) -> None:
    for text in command.texts[1:]:
        if text is None:
            _forget_all(shell, command)
        elif re.fullmatch(r"\w+", text):
            shell.set(text, None)


def _forget_all(shell: Execution, _: Command) -> None:
    """Another file's text can set any variable."""
    shell.changed = {**dict.fromkeys(shell.base), **dict.fromkeys(shell.changed)}


def _source(shell: Execution, command: Command) -> None:
    """``. file``: an environment's ``activate`` sets little, another file can set anything."""
    file = command.words[1] if command.words[1:] else None
    if file and file.tail.endswith("/bin/activate"):
        path = None if file.text is None else shell.at(file.text)
        shell.set("VIRTUAL_ENV", path and path.removesuffix("/bin/activate"))
    elif not (file and file.tail.endswith("/env")):
        _forget_all(shell, command)


def _evaluate(shell: Execution, command: Command) -> bool | None:
    texts = command.texts[1:]
    if None in texts or any(word.splits or word.pattern for word in command.words):
        shell.fail('the text of "eval" is not known')
        _forget_all(shell, command)
        return None
    outer = shell.place
    shell.place = outer or (command.start, command.end)
    shell.deep += 1
    result = None if shell.deep > DEEPEST else shell.read(shell, " ".join(str(text) for text in texts))
    shell.deep -= 1
    shell.place = outer
    return result


def _trap(shell: Execution, command: Command) -> None:
    text = command.texts[1] if len(command.words) > 1 else ""
    if text is None:
        shell.fail('the command of "trap" is not known')
    elif command.words[2:] and text not in ("-", "") and shell.deep < DEEPEST:
        with shell.apart(always=False):
            shell.script_of(command._replace(redirects=(), assignments=()), text, (command.start, command.end))


def _set_parameters(shell: Execution, command: Command) -> None:
    """``set -- a b``; options alone change nothing that counts here."""
    words = command.words[1:]
    texts = [word.text for word in words]
    if any(word.splits or word.pattern for word in words):
        shell.parameters = None
    elif "--" in texts:
        shell.parameters = words[texts.index("--") + 1 :]
    elif operands := [word for index, word in enumerate(words) if not _is_option(texts, index)]:
        shell.parameters = tuple(operands)


def _is_option(texts: list[str | None], index: int) -> bool:
    text = texts[index] or ""
    return text.startswith(("-", "+")) or (index > 0 and (texts[index - 1] or "-").endswith("o"))


def _shift(shell: Execution, command: Command) -> None:
    count = command.texts[1] if command.words[1:] else "1"
    known = shell.parameters is not None and count is not None and count.isdecimal() and shell.always
    shell.parameters = shell.parameters[int(count) :] if known and shell.parameters and count else None


def _end(shell: Execution, command: Command) -> None:
    """The end of the text, if it can be one with success."""
    code = command.texts[1] if len(command.words) > 1 else None
    if code is None or code == "0":
        shell.ends |= {command.program or ""}


def _test(_: Execution, command: Command) -> bool | None:
    """Whether a test with known words is true."""
    words = command.words[1:]
    if any(word.text is None or word.pattern for word in words):
        return None
    texts = [str(word.text) for word in words]
    if command.program in ("[", "[["):
        texts = texts[:-1]
    return truth(texts)


def truth(words: list[str]) -> bool | None:
    """What ``test`` says about words; None for what depends on files and for what is rare."""
    if words[:1] == ["!"]:
        inner = truth(words[1:])
        return None if inner is None else not inner
    match words:
        case [] | [_]:
            return any(words)
        case ["-n" | "-z" as operator, word]:
            return bool(word) == (operator == "-n")
        case [left, "=" | "==" | "!=" as operator, right]:
            return (left == right) == (operator != "!=")
        case [left, "-eq" | "-ne" as operator, right] if left.isdecimal() and right.isdecimal():
            return (int(left) == int(right)) == (operator == "-eq")
    return None


BUILTINS: Mapping[str, Callable[[Execution, Command], bool | None]] = {
    ".": _source,
    ":": lambda _shell, _command: True,
    "[": _test,
    "[[": _test,
    "cd": _change_directory,
    "declare": _export,
    "eval": _evaluate,
    "exit": _end,
    "export": _export,
    "false": lambda _shell, _command: False,
    "local": _export,
    "mapfile": _forget,
    "popd": _pop_directory,
    "pushd": _change_directory,
    "read": _forget,
    "readarray": _forget,
    "readonly": _export,
    "return": _end,
    "set": _set_parameters,
    "shift": _shift,
    "source": _source,
    "test": _test,
    "trap": _trap,
    "true": lambda _shell, _command: True,
    "typeset": _export,
    "unset": _forget,
}
"""Each returns whether it succeeds, None if that is not known."""
