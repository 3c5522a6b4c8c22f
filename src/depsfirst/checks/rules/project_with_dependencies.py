"""One step installs the project together with its dependencies, so every edit of the code installs them all again.

## Why

To install the project, its code has to be there. Where one command installs both, the dependencies wait for the code
as well: after an edit of one line all of them are downloaded and installed again, although none changed. That is so
for `uv sync`, `poetry install` and `pdm sync` as they are, and for `pip install .` always.

## Example

```dockerfile
COPY . .
RUN uv sync --locked
```

## Fix

Leave the project out first (`--no-install-project`, Poetry: `--no-root`, PDM: `--no-self`), and repeat the command
behind the code; it finds all but the project installed:

```dockerfile
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-install-project
COPY . .
RUN uv sync --locked
```

pip has no such option. With uv, `uv pip install -r pyproject.toml` installs the dependencies alone; a lock exported as
`requirements.txt` serves pip, and the project follows with `pip install --no-deps .`.

The fix is refused where there is no lock, where the metadata come from the build (`dynamic`, hooks, versions from git),
and where the lock names other packages of the repository.

## When to ignore

Where the project has next to no dependencies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.blame import companions, of_code, with_project
from depsfirst.checks.model import Related, Rule, Severity
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.places import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Finding, Fix
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation


def find(subject: Subject) -> Iterator[Finding]:
    """Each install of project and dependencies that an edit of code runs again."""
    for blame in of_code(subject):
        if with_project(subject, blame.installs[0]):
            yield _finding(subject, blame)


def _finding(subject: Subject, blame: Blame) -> Finding:
    install = blame.installs[0]
    found = subject.commands.dependencies(install)[0]
    fixes, reason = _fixes(subject, blame)
    place = span_of(install) if found.via else subject.commands.span(install, found.command)
    brings = [] if blame.binds else [Related(span_of(blame.reader), "this one brings the code")]
    brings += [Related(span_of(step), "this one brings more of it") for step in companions(subject, blame)]
    return RULE.finding(
        subject,
        place,
        f'"{_title(found)}" installs the project along with its dependencies, so every edit of the code'
        " installs them all again",
        cost=subject.project.cost(*blame.installs),
        related=brings,
        hint="" if fixes else "install the dependencies in a step of their own, before the code is copied",
        fixes=fixes,
        no_fix=reason,
    )


def _title(found: Installation) -> str:
    """The installer with its verb, as written."""
    words = [word.text or word.source for word in found.command.words]
    return f"{found.tool} {'sync' if 'sync' in words and found.tool == 'pdm' else found.verb}"


def _fixes(subject: Subject, blame: Blame) -> tuple[list[Fix], str]:
    from depsfirst.checks.moves import separated

    if blame.binds:
        return [], "the code is mounted into the install itself"
    try:
        return [separated(subject, blame, blame.lowers)], ""
    except UnprovenError as error:
        return [], str(error)


RULE = Rule("project-with-dependencies", "order", Severity.ERROR, find, __doc__)
