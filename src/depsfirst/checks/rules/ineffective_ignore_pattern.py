"""A line of ".dockerignore" leaves out less than it seems to: it is written as for ".gitignore".

## Why

In `.gitignore` a name without a slash holds in every directory. In `.dockerignore` it holds in the root alone:
`__pycache__` does not leave out `src/shop/__pycache__`, and `*.pyc` no file but those in the root. A number sign
behind a pattern begins no comment, it is part of the pattern.

## Example

```
__pycache__
*.pyc
.env   # secrets
```

## Fix

```
**/__pycache__
**/*.pyc
# secrets
.env
```

## When to ignore

Where only the files in the root are meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.model import Edit, Fix, Rule, Severity
from depsfirst.dockerfile.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span

_EVERYWHERE = re.compile(r"__pycache__|\*\.py\[\w+\]|\*\.py[cdo]|\.DS_Store|\.ipynb_checkpoints")
_EXAMPLES = {
    "__pycache__": "__pycache__/module.pyc",
    ".DS_Store": ".DS_Store",
    ".ipynb_checkpoints": ".ipynb_checkpoints/a.ipynb",
}
_COMMENTED = re.compile(r"(?P<pattern>\S+)(?P<space>[ \t]+)#[ \t]*(?P<comment>.*)")


def find(subject: Subject) -> Iterator[Finding]:
    """Each such line, where files deeper in the tree are read."""
    path = subject.ignore_file
    if not subject.files.exists(path):
        return
    text = subject.files.text(path)
    source = Source(text)
    for start, line in zip(source.starts, source.lines, strict=False):
        written = line.strip()
        span = source.span(start + line.index(written), start + line.index(written) + len(written)) if written else None
        if span is None or written.startswith("#"):
            continue
        if found := _COMMENTED.fullmatch(written):
            yield _commented(subject, span, found)
        elif deep := _deep(subject, written.strip("/")):
            yield _shallow(subject, span, written, deep)


def _deep(subject: Subject, pattern: str) -> str | None:
    """A path that the pattern is meant for, is not left out, and that a step reads."""
    code = subject.project.change("code") if _EVERYWHERE.fullmatch(pattern) else None
    folder = code.edits[0].path.rpartition("/")[0] if code and code.edits else ""
    if not folder:
        return None
    example = _EXAMPLES.get(pattern) or re.sub(r"\[(\w)\w*\]", r"\1", pattern).replace("*", "module")
    path = f"{folder}/{example}"
    return path if subject.readers(path) else None


def _shallow(subject: Subject, span: Span, written: str, deep: str) -> Finding:
    pattern = f"**/{written.lstrip('/')}"
    edit = Edit(subject.ignore_file, span.offset, span.end, pattern)
    return RULE.finding(
        subject,
        span,
        f'"{written}" holds in the root alone: files like "{deep}" are sent all the same',
        path=subject.ignore_file,
        severity=Severity.WARNING if subject.reinstalled(subject.edited(deep)) else None,
        fixes=[Fix(f'Write "{pattern}"', safe=True, edits=(edit,))],
    )


def _commented(subject: Subject, span: Span, found: re.Match[str]) -> Finding:
    edit = Edit(subject.ignore_file, span.offset, span.end, f"# {found['comment']}\n{found['pattern']}")
    return RULE.finding(
        subject,
        span,
        f'"#" begins no comment behind a pattern, so "{found.group()}" fits no file',
        path=subject.ignore_file,
        fixes=[Fix("Put the comment above the pattern", safe=True, edits=(edit,))],
    )


RULE = Rule("ineffective-ignore-pattern", "context", Severity.NOTE, find, __doc__)
