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

A version in the URL, and a tag that is a version, are taken for names that stay, and what a variable says is left
alone. Keys and certificates are not spoken of: an old one fails, and is noticed. Neither are the scripts of
installers of Python packages, of which `unpinned-installer` speaks.

## When to ignore

Where the newest is wanted, and the image is built without a cache at regular times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.model import Confidence, Rule, Severity
from depsfirst.checks.scripts import installer_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Download

_VERSION = re.compile(r"(?<!\d)\d+[._]\d+|(?:^|[/_-])v\d")
_ABBREVIATED = re.compile(r"[0-9a-f]{7,40}")
_MOVING = re.compile(
    r"(?i)(?:^|/)(?:main|master|head|edge|stable|current|refs/heads)(?:[/.]|\Z)|(?:^|[/_.-])(?:latest|nightly)(?:[/_.-]|\Z)"
)
_HASH = re.compile(r"[0-9a-f]{12}")
_KEY = re.compile(r"(?i)\.(?:asc|gpg|key|pem|crt|cer|pub)\Z")
_ARCHITECTURES = re.compile(
    r"(?i)x86[_-]64|amd64|arm64|aarch64|armv\d\w*|(?<![a-z])i[3-6]86|(?:linux|win(?:dows)?|macos|darwin)-?(?:32|64)"
)
"""What has digits in a URL and is no version."""
_WHAT = {"repository": "the repository", "url": "the file"}
_HINTS = {
    "repository": "name the commit: ADD repository#commit, or git checkout COMMIT in the same RUN",
    "url": "check what came with sha256sum -c, or use ADD --checksum=sha256:…",
}


def find(subject: Subject) -> Iterator[Finding]:
    """The first such command of each RUN."""
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
    """Whether the name of what is fetched tells that it may change: a branch, or a URL without a version."""
    if download.checked is not False or not download.sources or download.what not in _WHAT:
        return False
    if download.what == "repository":
        return _can_move(download.revision)
    urls = [source for source in download.sources if not source.startswith(("/", "."))]
    return installer_script(download) is None and any(_is_loose_url(url) for url in urls)


def _can_move(revision: str | None) -> bool:
    """Whether a revision is a branch, or none is named; of a variable nobody knows it."""
    return revision is None or not ("$" in revision or _VERSION.search(revision) or _ABBREVIATED.fullmatch(revision))


def _is_loose_url(url: str) -> bool:
    address = url.partition("://")[2] or url
    path = _ARCHITECTURES.sub("", address.partition("/")[2])
    if "$" in url or _KEY.search(path) or _VERSION.search(path) or _HASH.search(path):
        return False
    name = path.partition("?")[0]
    return bool(_MOVING.search(name)) or not any(character.isdigit() for character in name)


RULE = Rule("unpinned-download", "installer", Severity.NOTE, find, __doc__, Confidence.MEDIUM)
