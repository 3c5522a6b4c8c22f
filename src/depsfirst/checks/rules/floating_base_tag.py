"""The base image's tag moves to another version of Python or of the system when one is released.

## Why

`FROM python:latest`, `python:3` or `python:slim` is another Python after each release. All layers are built again
then, at a time that nobody chose, wheels for the new version may be missing, and two machines that build the same
commit have different images. `python:3.12-slim` moves too, but only to new patches of the same Python and system.

## Example

```dockerfile
FROM python:3-slim
```

## Fix

Name the version of Python that the project is made for, with its minor number:

```dockerfile
FROM python:3.12-slim
```

The file `.python-version` says it, if there is one: that version is proposed.

## When to ignore

Where the newest base is wanted and the time does not matter, as in a nightly build of tests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.edits import replaced
from depsfirst.checks.images import BaseImage, ImageName, base_images, parse_image
from depsfirst.checks.model import Fix, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

_MINOR = re.compile(r"(?:\A|-)\d+\.\d+")
_MAJOR_ONLY = re.compile(r"\d+(?=\D|\Z)(?!\.)")
_ROLLING = frozenset({"stable", "testing", "unstable", "sid", "rolling", "edge", "mainline", "nightly", "dev", "main"})
_PYTHON_VERSION = re.compile(r"\s*(?:cpython-)?(\d+\.\d+)(?:\.\d+)?\s*\Z")


def find(subject: Subject) -> Iterator[Finding]:
    """Each stage's base; a base of several stages is said once."""
    bases: dict[str, list[BaseImage]] = {}
    for base in base_images(subject):
        bases.setdefault(base.image, []).append(base)
    for image, some in bases.items():
        name = parse_image(image)
        if not name.digest and _moves(name):
            yield _finding(subject, some, name)


def _moves(name: ImageName) -> bool:
    if name.base == "python":
        return not _MINOR.search(name.tag)
    return name.tag in {"", "latest"} or name.tag.partition("-")[0] in _ROLLING


def _finding(subject: Subject, bases: Sequence[BaseImage], name: ImageName) -> Finding:
    base = bases[0]
    literal = all(each.literal for each in bases)
    version = _wanted(subject) if name.base == "python" and literal else None
    fixes, reason = [], _why_not(name, literal=literal)
    if version:
        image = f"{name.repository}:{_pinned(name.tag, version)}"
        edits = tuple(replaced(subject, each.span, image) for each in bases)
        why = f"the image had the newest Python so far, not {version}"
        fixes = [Fix(f'Start from "{image}"', safe=False, edits=edits, why_unsafe=why)]
        reason = ""
    what = "Python" if name.base == "python" else "image"
    return RULE.finding(
        subject, base.span, f'"{base.image}" is another {what} after each release', fixes=fixes, no_fix=reason
    )


def _why_not(name: ImageName, *, literal: bool) -> str:
    if not literal:
        return "a variable says which one it is: give it another default"
    if name.base == "python":
        return "no .python-version says which Python the project is made for"
    return "which version you want is written nowhere"


def _pinned(tag: str, version: str) -> str:
    """The tag with a version in place of what says none."""
    kept = _MAJOR_ONLY.sub("", tag, count=1).strip("-") if _MAJOR_ONLY.match(tag) else tag
    kept = "" if kept == "latest" else kept
    return f"{version}-{kept}" if kept else version


def _wanted(subject: Subject) -> str | None:
    """The version that ``.python-version`` says."""
    for directory in [*(place.directory for place in subject.places), ""]:
        text = subject.read(f"{directory}/.python-version".lstrip("/"))
        if text is not None and (found := _PYTHON_VERSION.match(text.splitlines()[0] if text.strip() else "")):
            return found[1]
    return None


RULE = Rule("floating-base-tag", "image", Severity.NOTE, find, __doc__)
