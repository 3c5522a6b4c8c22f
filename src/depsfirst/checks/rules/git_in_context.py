"""The repository's ".git" is copied into the image, so every commit runs that step and all after it again.

## Why

`.git` changes with every commit, every fetch and every change of branch, also where no file of the project does. A
`COPY` that takes it is never cached from one commit to the next, and whatever stands after it runs again: an install
of all dependencies, if there is one. The image holds the whole history besides, with everything that was ever removed
from it.

## Example

```dockerfile
COPY . .
RUN pip install -r requirements.txt
```

with no line for `.git` in `.dockerignore`.

## Fix

Leave it out of the context, in `.dockerignore`:

```
.git
```

## When to ignore

Where the version is read from git during the build (setuptools-scm, hatch-vcs, versioningit and their like, or
`git rev-parse` in a Makefile). Better is to give the version as a build argument behind the install of the
dependencies, as `SETUPTOOLS_SCM_PRETEND_VERSION`, and to leave `.git` out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.edits import ignoring
from depsfirst.checks.git_readers import why_needed
from depsfirst.checks.leftovers import first_patterns
from depsfirst.checks.model import Fix, Related, Rule, Severity
from depsfirst.checks.places import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

_GIT = ".git"
_READ_BY_EACH_COMMIT = ".git/HEAD"


def find(subject: Subject) -> Iterator[Finding]:
    """The first step that reads ``.git``; those after it are the same mistake."""
    if subject.context.find(_GIT) is None:
        return
    readers = subject.readers(_READ_BY_EACH_COMMIT)
    if not readers:
        return
    first = readers[0]
    installs = subject.reinstalled(subject.edited(_READ_BY_EACH_COMMIT))
    reason = why_needed(subject)
    yield RULE.finding(
        subject,
        span_of(first),
        _message(first, installs),
        cost=subject.project.cost(*installs) if installs else "",
        related=[
            Related(span_of(step), "this one installs the dependencies") for step in installs[:1] if step != first
        ],
        severity=Severity.ERROR if installs else None,
        fixes=() if reason else [_fix(subject)],
        no_fix=reason,
    )


def _fix(subject: Subject) -> Fix:
    patterns = first_patterns(subject, git=True) or (_GIT,)
    return Fix('Leave ".git" out of the context', safe=True, edits=(ignoring(subject, *patterns),))


def _message(first: Step, installs: Sequence[Step]) -> str:
    what = f'{first.instruction.name} takes ".git", so every commit runs this step again'
    if not installs:
        return what
    return f"{what}, which installs the dependencies" if first in installs else f"{what}, and the install after it"


RULE = Rule("git-in-context", "context", Severity.WARNING, find, __doc__)
