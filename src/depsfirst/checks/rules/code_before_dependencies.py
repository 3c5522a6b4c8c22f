"""The code is copied before the dependencies are installed, so every edit of it installs them all again.

## Why

A step is cached as long as nothing changed that it reads, nor anything that a step before it reads. A `COPY . .` reads
every file of the project: after an edit of one line of code it runs again, and so does every step behind it. The
dependencies did not change, and are downloaded, unpacked and compiled all the same.

## Example

```dockerfile
COPY . .
RUN pip install -r requirements.txt
```

## Fix

Copy what the installer reads, install, and copy the rest behind it:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY . .
```

The fix is made where it is proven that the install reads nothing else of what is copied. It is refused where
requirements name something of the project itself (`-e .`, `file:`), where another command between the two may read the
code, where a `pip.conf` or `.netrc` arrives with the code, and where the environment would be written over.

## When to ignore

Where the code is part of what is installed and changes no more often than the dependencies do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.blame import companions, is_whole, of_code, with_project
from depsfirst.checks.model import Confidence, Related, Rule, Severity
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.places import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Finding, Fix
    from depsfirst.checks.subject import Subject


_WHEEL = (".whl", "/*", ".tar.gz")
_OF_WHEELS = 'install what the lock says in a step of its own, and the wheel behind it with "--no-deps"'


def find(subject: Subject) -> Iterator[Finding]:
    """Each COPY of the whole context, or of the project's directory, that an install stands on."""
    for blame in of_code(subject):
        if not blame.binds and is_whole(subject, blame) and not with_project(subject, blame.installs[0]):
            yield finding(RULE, subject, blame, "takes all of the code")


def finding(rule: Rule, subject: Subject, blame: Blame, what: str) -> Finding:
    """What is wrong with a COPY of code before an install."""
    fixes, reason = _fixes(subject, blame)
    return rule.finding(
        subject,
        span_of(blame.reader),
        f"{blame.reader.instruction.name} {what}, so every edit of it installs the dependencies again",
        cost=subject.project.cost(*blame.installs),
        related=[
            *(Related(span_of(step), "this one takes more of it") for step in companions(subject, blame)),
            *(Related(span_of(step), "this one installs them") for step in blame.installs),
        ],
        fixes=fixes,
        no_fix=reason,
        hint=_OF_WHEELS if _by_wheel(subject, blame) else "",
        confidence=None if blame.sure else Confidence.MEDIUM,
    )


def _by_wheel(subject: Subject, blame: Blame) -> bool:
    """Whether the install runs again because the project's wheel, which another stage builds, is another one."""
    install = blame.installs[0]
    inputs = (path for each in subject.commands.dependencies(install) for path in each.inputs)
    return install.stage is not blame.reader.stage and any(path.endswith(_WHEEL) for path in inputs)


def _fixes(subject: Subject, blame: Blame) -> tuple[list[Fix], str]:
    from depsfirst.checks.moves import fix_of, with_companions

    try:
        title = "Copy what the install reads before it, and the rest behind it"
        return [fix_of(subject, with_companions(subject, blame), title, blame.lowers)], ""
    except UnprovenError as error:
        return [], str(error)


RULE = Rule("code-before-dependencies", "order", Severity.ERROR, find, __doc__)
