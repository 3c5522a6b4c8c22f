"""Something is fetched from the network by a name that can mean another thing tomorrow, and the step stays cached.

## Why

A `RUN` is cached for as long as its text and what stands before it are the same, whatever the network has by then. A
`git clone` of a branch gives the commit of the day on which somebody built without a cache; another machine gets
another one. And what is run unseen, as by `curl … | sh`, can be changed by whoever holds the server.

## Example

```dockerfile
RUN git clone https://git.example/tools.git /opt/tools
RUN curl -fsSL https://tools.example/install.sh | sh
```

## Fix

Name the commit, or check what came:

```dockerfile
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://tools.example/tool /opt/
ADD https://git.example/tools.git#8f2f7b0c1d2e3f405162738495a6b7c8d9e0f102 /opt/tools
```

## When to ignore

Where the newest is wanted, and the image is built without a cache at regular times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.model import Confidence, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Download

_WORDS = ("git", "curl", "wget", "make", ".sh")
_WHAT = {"repository": "the repository", "url": "the file"}
_HINTS = {
    "repository": "name the commit: ADD repository#commit, or git checkout COMMIT in the same RUN",
    "url": "check what came with sha256sum -c, or use ADD --checksum=sha256:…",
}


def find(subject: Subject) -> Iterator[Finding]:
    """The first such command of each RUN."""
    if not any(word in subject.text for word in _WORDS):
        return
    for step in subject.runs:
        found = [each for each in subject.commands.reading(step).downloads if _is_loose(each)]
        if found:
            first = found[0]
            yield RULE.finding(
                subject,
                subject.commands.span(step, first.command),
                f"{_WHAT[first.what]} that is fetched can change, and this step stays cached nevertheless",
                no_fix="which commit or checksum is meant is not known",
                hint=_HINTS[first.what],
            )


def _is_loose(download: Download) -> bool:
    """Whether the name of what is fetched tells that it may change: a branch, or no version in a URL."""
    if download.checked is not False or not download.sources or download.what not in _WHAT:
        return False
    if download.what == "repository":
        return True
    return not any(character.isdigit() for source in download.sources for character in source.partition("://")[2])


RULE = Rule("unpinned-download", "installer", Severity.NOTE, find, __doc__, Confidence.MEDIUM)
