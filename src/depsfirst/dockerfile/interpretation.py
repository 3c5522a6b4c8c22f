"""Makes typed instructions of parsed ones, or says why BuildKit refuses them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from depsfirst.dataclass import replace
from depsfirst.dockerfile.flags import Flags, read_flags
from depsfirst.dockerfile.heredoc import Heredoc, Opener, read_opener
from depsfirst.dockerfile.instructions import (
    Add,
    Arg,
    Cmd,
    Copy,
    Document,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Pair,
    Run,
    Shell,
    StopSignal,
    Typed,
    User,
    Volume,
    Workdir,
)
from depsfirst.dockerfile.mounts import Device, check_mount, read_device, read_mount
from depsfirst.dockerfile.source import SPACE
from depsfirst.dockerfile.syntax import Instruction, SyntaxProblem
from depsfirst.dockerfile.words import Fault

if TYPE_CHECKING:
    from collections.abc import Callable


class _RefusedError(ValueError):
    """An instruction that BuildKit refuses."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def interpret(instruction: Instruction) -> Typed | SyntaxProblem:
    """What an instruction means, or why BuildKit refuses it."""
    if instruction.problem:
        return instruction.problem
    reader = _READERS.get(instruction.name)
    if not reader:
        return SyntaxProblem(instruction.line, *_unknown(instruction.keyword))
    try:
        return reader(instruction)
    except _RefusedError as refused:
        return SyntaxProblem(instruction.line, *refused.fault)


def _unknown(keyword: str) -> Fault:
    near = next((name for name in _READERS if _is_near(keyword.upper(), name)), None)
    hint = f"{near} is near" if near else "a line that continues another needs an escape character at the other's end"
    return Fault(f'"{keyword}" is no instruction', hint)


def _is_near(keyword: str, name: str) -> bool:
    """Whether two words of nearly one length have nearly the same letters, as those have that a slip makes."""
    return abs(len(keyword) - len(name)) <= 1 and len(set(keyword) ^ set(name)) <= max(1, len(name) // 4)


def _refuse(message: str, hint: str) -> _RefusedError:
    return _RefusedError(Fault(message, hint))


def _flags(instruction: Instruction) -> Flags:
    flags = read_flags(instruction.name, instruction.flags)
    if isinstance(flags, Fault):
        raise _RefusedError(flags)
    return flags


def _at_least_one(instruction: Instruction) -> tuple[str, ...]:
    if not instruction.tokens:
        raise _refuse(f"{instruction.name} has no argument", "write one behind it, or remove the line")
    return instruction.values


def _from(instruction: Instruction) -> From:
    match instruction.values:
        case (image,):
            stage = None
        case (image, keyword, name) if keyword.casefold() == "as":
            stage = _stage_name(name)
        case _:
            raise _refuse("FROM needs one word or three", "write FROM image, or FROM image AS stage")
    return From(instruction, image, stage, _flags(instruction).one("platform") or None)


def _stage_name(name: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_.-]*", name.lower()):
        hint = "begin with a letter and go on with letters, digits, dots, dashes and underscores"
        raise _refuse(f'"{name}" cannot name a stage', hint)
    return name.lower()


def _run(instruction: Instruction) -> Run:
    flags = _flags(instruction)
    network = (*flags.many("network"), "default")[0]
    security = (*flags.many("security"), "sandbox")[0]
    if network not in ("default", "none", "host"):
        raise _refuse(f'the network "{network}" does not exist', "choose default, none or host")
    if security not in ("sandbox", "insecure"):
        raise _refuse(f'the security mode "{security}" does not exist', "choose sandbox or insecure")
    texts = flags.many("mount")
    for text in texts:
        if fault := check_mount(text):
            raise _RefusedError(fault)
    mounts = tuple(read_mount(text) for text in texts)
    devices = tuple(_device(text) for text in flags.many("device"))
    return Run(instruction, instruction.values, mounts, texts, network, security, devices)


def _device(text: str) -> Device:
    device = read_device(text)
    if isinstance(device, Fault):
        raise _RefusedError(device)
    return device


def _files(instruction: Instruction) -> tuple[tuple[str, ...], tuple[Document, ...], str]:
    """Sources, documents and destination of COPY and ADD."""
    *sources, destination = instruction.values or ("",)
    if not sources:
        raise _refuse(f"{instruction.name} needs a source and a destination", "write both, with a space between")
    if read_opener(destination):
        raise _refuse(f"the destination of {instruction.name} is a heredoc", "write a path behind it")
    bodies = {heredoc.opener.delimiter: heredoc for heredoc in instruction.heredocs}
    openers = [opener for source in sources if (opener := read_opener(source))]
    documents = tuple(Document(opener.delimiter, _body(bodies, opener), opener.expands) for opener in openers)
    return tuple(source for source in sources if not read_opener(source)), documents, destination


def _body(bodies: dict[str, Heredoc], opener: Opener) -> str:
    """The text of the last heredoc with this delimiter; of the exec form's words none has one."""
    heredoc = bodies.get(opener.delimiter)
    return replace(heredoc, opener=opener).text if heredoc else ""


def _copy(instruction: Instruction) -> Copy:
    sources, documents, destination = _files(instruction)
    flags = _flags(instruction)
    return Copy(
        instruction,
        sources,
        documents,
        destination,
        chown=flags.one("chown"),
        chmod=flags.one("chmod"),
        link=bool(flags.switch("link")),
        exclude=flags.many("exclude"),
        from_=flags.one("from"),
        parents=bool(flags.switch("parents")),
    )


def _add(instruction: Instruction) -> Add:
    sources, documents, destination = _files(instruction)
    flags = _flags(instruction)
    return Add(
        instruction,
        sources,
        documents,
        destination,
        chown=flags.one("chown"),
        chmod=flags.one("chmod"),
        link=bool(flags.switch("link")),
        exclude=flags.many("exclude"),
        checksum=flags.one("checksum"),
        keep_git_dir=flags.switch("keep-git-dir"),
        unpack=flags.switch("unpack"),
    )


def _pairs(instruction: Instruction) -> tuple[Pair, ...]:
    _flags(instruction)
    _at_least_one(instruction)
    names, values = instruction.tokens[::2], instruction.tokens[1::2]
    pairs = tuple(
        Pair(name.value, value.value, legacy=not instruction.text.startswith("=", name.end))
        for name, value in zip(names, values, strict=True)
    )
    return _named(instruction, pairs)


def _named(instruction: Instruction, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    if any(not pair.name for pair in pairs):
        raise _refuse(f"{instruction.name} has a value without a name", 'write the name before "="')
    return pairs


def _arg(instruction: Instruction) -> Arg:
    """ARG, whose flags BuildKit does not look at."""
    cut = (word.partition("=") for word in _at_least_one(instruction))
    pairs = tuple(Pair(name, value if equals else None) for name, equals, value in cut)
    return Arg(instruction, _named(instruction, pairs))


def _one_argument(instruction: Instruction) -> str:
    """The argument of an instruction that takes its whole line for one."""
    argument = _at_least_one(instruction)[0]
    if instruction.name != "STOPSIGNAL":  # BuildKit does not look at its flags
        _flags(instruction)
    return argument


def _command(instruction: Instruction) -> tuple[str, ...]:
    _flags(instruction)
    return instruction.values


def _shell(instruction: Instruction) -> Shell:
    _flags(instruction)
    command = _at_least_one(instruction)
    if not instruction.exec_form:
        raise _refuse("SHELL needs a JSON array", f"write SHELL {json.dumps(command[0].split())}")
    return Shell(instruction, command)


def _expose(instruction: Instruction) -> Expose:
    ports = _at_least_one(instruction)
    _flags(instruction)
    return Expose(instruction, ports)


def _volume(instruction: Instruction) -> Volume:
    _at_least_one(instruction)
    _flags(instruction)
    paths = tuple(path.strip(SPACE) for path in instruction.values)
    if not all(paths):
        raise _refuse("VOLUME has an empty path", "write a path, or remove the element")
    return Volume(instruction, paths)


def _onbuild(instruction: Instruction) -> Onbuild:
    if not instruction.trigger:
        raise _refuse("ONBUILD has no instruction", "write one behind it")
    _flags(instruction)
    if instruction.trigger.name in ("ONBUILD", "FROM", "MAINTAINER"):
        raise _refuse(f"{instruction.trigger.name} cannot stand behind ONBUILD", "use another instruction")
    return Onbuild(instruction, interpret(instruction.trigger))


def _healthcheck(instruction: Instruction) -> Healthcheck:
    kind, *command = _at_least_one(instruction)
    if kind.upper() == "NONE":
        if command:
            raise _refuse("HEALTHCHECK NONE has an argument", "remove it, or write CMD instead of NONE")
        return Healthcheck(instruction, (), disabled=True)
    flags = _flags(instruction)
    if kind.upper() != "CMD":
        raise _refuse(
            f'"{kind}" is no kind of HEALTHCHECK', "write HEALTHCHECK CMD and the command, or HEALTHCHECK NONE"
        )
    if not command:
        raise _refuse("HEALTHCHECK CMD has no command", "write one behind it")
    return Healthcheck(
        instruction,
        tuple(command),
        disabled=False,
        interval=_time(flags, "interval"),
        timeout=_time(flags, "timeout"),
        start_period=_time(flags, "start-period"),
        start_interval=_time(flags, "start-interval"),
        retries=_retries(flags.one("retries")),
    )


_TIME = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_TIME_PART = re.compile(r"([0-9.]+)([^0-9.]+)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def _time(flags: Flags, name: str) -> int:
    """Nanoseconds, from a time as Go writes it; 0 for an empty one."""
    text = flags.one(name)
    if text in ("", "0", "+0", "-0"):
        return 0
    if not _TIME.fullmatch(text):
        raise _refuse(f'the time "{text}" of "--{name}" cannot be read', "write a number and a unit, as 30s or 1m30s")
    total = sum(_nanoseconds(number, _UNITS[unit]) for number, unit in _TIME_PART.findall(text))
    if total and (text.startswith("-") or not 10**6 <= total < 2**63):
        raise _refuse(f'the time "{text}" of "--{name}" is out of range', "write at least 1ms")
    return total


def _nanoseconds(number: str, unit: int) -> int:
    """As many units; digits beyond those that can count are left out, as Python reads only so many."""
    whole, _, part = number.partition(".")
    part = part[:30]
    return int(whole.lstrip("0")[:20] or "0") * unit + int(part or "0") * unit // int(f"1{'0' * len(part)}")


def _retries(text: str) -> int:
    """The number, which Go wants in 32 bits."""
    if not text:
        return 0
    found = re.fullmatch("([-+]?)0*([0-9]{1,12})", text)
    number = int(found[1] + found[2]) if found else -1
    if not 0 <= number < 2**31:
        raise _refuse(f'the number "{text}" of "--retries" cannot be used', "write a number that is not negative")
    return number


_READERS: dict[str, Callable[[Instruction], Typed]] = {
    "ADD": _add,
    "ARG": _arg,
    "CMD": lambda instruction: Cmd(instruction, _command(instruction)),
    "COPY": _copy,
    "ENTRYPOINT": lambda instruction: Entrypoint(instruction, _command(instruction)),
    "ENV": lambda instruction: Env(instruction, _pairs(instruction)),
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": lambda instruction: Label(instruction, _pairs(instruction)),
    "MAINTAINER": lambda instruction: Maintainer(instruction, _one_argument(instruction)),
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": lambda instruction: StopSignal(instruction, _one_argument(instruction)),
    "USER": lambda instruction: User(instruction, _one_argument(instruction)),
    "VOLUME": _volume,
    "WORKDIR": lambda instruction: Workdir(instruction, _one_argument(instruction)),
}
