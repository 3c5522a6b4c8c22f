"""Holds our parser against BuildKit's own on every Dockerfile in the histories of git repositories.

    python -m scripts.compare_parsers DIRECTORY…

A directory is a work tree or the git directory itself. Prints how many distinct texts agree, and every one that does
not. BuildKit's parser comes as the package ``dockerfile``, which has that of BuildKit 0.12; what BuildKit has changed
since is told apart and counted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dockerfile  # type: ignore[import-not-found]
from depsfirst.dockerfile.syntax import Instruction, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = re.compile(r"(?i)(^|/)([^/]*[._-])?(dockerfile|containerfile)([._-][^/]*)?$")
_OTHERS = re.compile(r"(?i)\.(dockerignore|md|rst|py|sh|html|txt|ya?ml|json|toml|svg|png|js|ts|go|sum|mod)$")

_PATHS = (":(icase)*dockerfile*", ":(icase)*containerfile*")

_CHANGES = {
    "a JSON array with more behind it is a command since 0.15": re.compile(r"\[[^\n]*\][ \t\r]*[^ \t\r\n]"),
    "blanks may stand behind << since 0.22": re.compile(r"<<-?[\t\r ]"),
    "flags obey the escape directive since 0.21": re.compile(r"(?is)^\s*#\s*escape\s*=\s*`.*--.*[\\`]"),
    "${x#y}, ${x%y} and ${x/y/z} are read since 0.13": re.compile(r"\$\{\w+[#%/]"),
    "a substitution clears the word before it since 0.15": re.compile(r"(?s)\$\{\w+:?[-+?].*<<|<<.*\$\{\w+:?[-+?]"),
    "the directive check exists since 0.14": re.compile(r"(?i)^(\ufeff?#.*\n)*\s*#\s*check\s*="),
}


_KNOWN = frozenset(name.upper() for name in dockerfile.all_cmds())


class Read(NamedTuple):
    """What both parsers say of an instruction."""

    keyword: str
    trigger: str
    exec_form: bool
    line: int
    end_line: int
    text: str
    flags: tuple[str, ...]
    values: tuple[str, ...]
    heredocs: tuple[tuple[str, int, str], ...]


def ours(text: str) -> list[Read] | None:
    """What our parser reads; None for a text that it says BuildKit refuses."""
    parsed = parse(text)
    return None if parsed.problems else [_read(instruction) for instruction in parsed.instructions]


def _read(instruction: Instruction) -> Read:
    inner = instruction.trigger or instruction
    heredocs = tuple((each.opener.delimiter, each.opener.descriptor, each.content) for each in instruction.heredocs)
    bodies = "".join(f"{content}{name}\n" for name, _, content in heredocs)
    return Read(
        instruction.keyword,
        instruction.trigger.keyword if instruction.trigger else "",
        inner.exec_form,
        instruction.line,
        instruction.end_line,
        instruction.text if instruction.trigger or not bodies else f"{instruction.text}\n{bodies}",
        tuple(flag.text for flag in instruction.flags),
        inner.values if inner.name in _KNOWN and not inner.trigger else ("",),
        () if instruction.trigger else heredocs,
    )


def theirs(text: str) -> list[Read] | None:
    """What BuildKit's parser reads; None for a text that it refuses.

    Raises:
        UnicodeDecodeError: it has cut a character in two, which Python cannot show.
    """
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return None
    return [
        Read(
            command.cmd or "",
            command.sub_cmd or "",
            command.json,
            command.start_line,
            command.end_line,
            command.original or "",
            command.flags,
            command.value,
            tuple((each.name, each.file_descriptor, each.content) for each in command.heredocs),
        )
        for command in commands
    ]


def change(text: str) -> str | None:
    """What BuildKit has changed since the package was made and may make the text read otherwise."""
    return next((name for name, pattern in _CHANGES.items() if pattern.search(text)), None)


def texts(repository: Path) -> Iterator[tuple[str, str]]:
    """Every distinct Dockerfile of a history that is UTF-8: name of its blob, and text."""
    listed = _git(
        repository, "log", "--all", "--raw", "--no-renames", "--no-abbrev", "--format=", "-m", "--diff-filter=AM"
    )
    blobs = sorted({blob for blob, path in _paths(listed) if _NAMES.search(path) and not _OTHERS.search(path)})
    with subprocess.Popen(
        ["git", "-C", repository, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as objects:
        for blob in blobs:
            content = _blob(objects, blob)
            try:
                text = content.decode()
            except UnicodeDecodeError:
                continue
            if text and "\0" not in text and "\\u0000" not in text:
                yield blob, text


def _blob(objects: subprocess.Popen[bytes], blob: str) -> bytes:
    """The content of a blob; nothing where the history lacks it."""
    assert objects.stdin
    assert objects.stdout
    objects.stdin.write(f"{blob}\n".encode())
    objects.stdin.flush()
    head = objects.stdout.readline().split()
    return objects.stdout.read(int(head[2]) + 1)[:-1] if len(head) == 3 else b""


def _paths(listed: str) -> Iterator[tuple[str, str]]:
    for line in listed.splitlines():
        head, _, path = line.partition("\t")
        fields = head.split()
        if len(fields) == 5 and fields[1] in ("100644", "100755"):
            yield fields[3], path


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", repository, *arguments], capture_output=True, check=True, text=True, errors="replace"
    ).stdout


def differences(mine: list[Read] | None, other: list[Read] | None) -> Iterator[str]:
    """Where the two readings part, a line each."""
    if mine is None or other is None:
        if mine is not other:
            yield f"refused by {'us' if mine is None else 'BuildKit'} alone"
        return
    if len(mine) != len(other):
        yield f"{len(mine)} instructions instead of {len(other)}"
    for one, two in zip(mine, other, strict=False):
        if one != two:
            yield f"{one}\n  instead of\n  {two}"


def main(directories: Iterable[str]) -> int:
    """Compare, print, and return 1 if a difference remains that no change of BuildKit explains."""
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    spent = 0.0
    for directory in directories:
        for blob, text in texts(Path(directory)):
            if blob in seen:
                continue
            seen.add(blob)
            started = time.perf_counter()
            parse(text)
            spent += time.perf_counter() - started
            _count(counts, f"{directory} {blob}", text)
    for name, count in counts.most_common():
        print(f"{count:6} {name}")
    print(f"{len(seen):6} texts, {spent / max(len(seen), 1) * 1000:.2f} ms each to parse")
    return int(bool(counts["differ"]))


def _count(counts: Counter[str], place: str, text: str) -> None:
    try:
        mine, other = ours(text), theirs(text)
    except UnicodeDecodeError:
        counts["BuildKit cuts a character in two"] += 1
        return
    if str(parse(text)) != text:
        counts["differ"] += 1
        print(f"{place}: not lossless")
    elif mine == other:
        counts["refused by both" if mine is None else "equal"] += 1
    elif reason := change(text):
        counts[f"differ: {reason}"] += 1
    else:
        counts["differ"] += 1
        print(place, *differences(mine, other), sep="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
