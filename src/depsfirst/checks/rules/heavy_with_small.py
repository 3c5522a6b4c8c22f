"""A few heavy packages share a layer with many small ones, so an update of any of them pushes and pulls all.

## Why

A layer is pushed, pulled and kept whole. Where one `RUN` installs a framework of hundreds of megabytes together with
fifty small libraries, a patch release of the smallest of them makes all of it travel again, to the registry and to
each node; the heavy ones change a few times a year, the small ones every week.

## Example

```dockerfile
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-install-project
```

where the lock holds torch, its libraries for GPUs and sixty other packages.

## Fix

Name the heavy ones in a dependency group of their own, and install that first:

```dockerfile
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --only-group heavy
RUN uv sync --locked --no-install-project
```

The first `RUN` has to be keyed by that group alone to stay cached when the lock changes: export it to a file in a stage
of its own, and copy that. `depsfirst build` gives heavy packages layers of their own by itself.

## When to ignore

Where images are seldom pulled, or base images hold the heavy packages already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.model import Confidence, Rule, Severity
from depsfirst.checks.weight import sizes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

_LOCK = "uv.lock"  # the only lock that gives sizes
_HEAVY = 30 * 10**6
_LARGE = 200 * 10**6
_SHARE = 0.6
_FEWEST_SMALL = 10
_MOST_NAMED = 3


def find(subject: Subject) -> Iterator[Finding]:
    """The first install of a lock that holds both."""
    step = next((step for step in subject.installing if _is_of_the_lock(subject, step)), None)
    if step is None:
        return
    for place in subject.places:
        text = place.text(_LOCK)
        if text is not None:
            sizes = sizes_of(text)
            heavy = _heavy(sizes)
            if heavy:
                yield _finding(subject, step, sizes, heavy)
            return


def _is_of_the_lock(subject: Subject, step: Step) -> bool:
    return any(
        each.tool == "uv" and not each.packages and any(path.endswith(_LOCK) for path in each.inputs)
        for each in subject.commands.dependencies(step)
    )


def _heavy(sizes: Mapping[str, int]) -> list[str]:
    """The heavy packages, the heaviest first, if they make most of a large set that has many small ones as well."""
    heavy = sorted((name for name, size in sizes.items() if size >= _HEAVY), key=lambda name: (-sizes[name], name))
    total = sum(sizes.values())
    is_uneven = sum(sizes[name] for name in heavy) >= _SHARE * total
    return heavy if total >= _LARGE and is_uneven and len(sizes) - len(heavy) >= _FEWEST_SMALL else []


def _finding(subject: Subject, step: Step, sizes: Mapping[str, int], heavy: list[str]) -> Finding:
    named = ", ".join(f'"{name}"' for name in heavy[:_MOST_NAMED])
    more = f" and {len(heavy) - _MOST_NAMED} more" if len(heavy) > _MOST_NAMED else ""
    weight = sum(sizes[name] for name in heavy) / 1e6
    installation = subject.commands.dependencies(step)[0]
    return RULE.finding(
        subject,
        subject.commands.span(step, installation.command),
        f"{named}{more} ({weight:.0f} MB) share a layer with {len(sizes) - len(heavy)} small packages",
        cost=subject.project.cost(),
        no_fix="which packages change together is for you to say",
        hint="install the heavy ones from a group of their own, in a RUN before",
    )


RULE = Rule("heavy-with-small", "image", Severity.NOTE, find, __doc__, Confidence.MEDIUM)
