"""A change of a development dependency in the lock installs the production dependencies again.

## Why

One lock holds what runs in production and what only tests and linters need. The install of production copies all of
it, so a newer linter installs the dependencies again, of which none changed.

## Example

```dockerfile
COPY Pipfile Pipfile.lock ./
RUN pipenv sync --system
```

## Fix

Export the production packages in a stage of its own, and install that file. The stage runs again for every change of
the lock, and writes the same file as long as production is the same; the builder compares contents:

```dockerfile
FROM python:3.13-slim AS tools
RUN pip install pipenv==2026.10.3
WORKDIR /app

FROM tools AS recipe
COPY Pipfile Pipfile.lock ./
RUN pipenv requirements --hash > /tmp/requirements.txt

FROM tools
COPY --from=recipe /tmp/requirements.txt /tmp/requirements.txt
RUN pip install --no-deps --require-hashes -r /tmp/requirements.txt
```

That is done for uv (`uv export --no-dev`), Poetry (`poetry export --only main`, with its plugin), PDM
(`pdm export --prod`) and Pipenv; [version-bump-reinstalls](version-bump-reinstalls.md) says where it is refused, and
what to look at. `depsfirst init` writes a whole Dockerfile like that.

## When to ignore

Where development dependencies change no more often than the others.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from depsfirst.checks.model import Related, Rule, Severity
from depsfirst.checks.places import place_of, span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.cache.changes import Change
    from depsfirst.cache.model import Step
    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Finding, Fix
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

_LISTS = re.compile(r"(?ms)^\[package\.metadata[^\n]*\]\n.*?(?=^\[|\Z)")
_DEVELOPMENT = re.compile(r"(?m)^dev = \[(?:[^\n\]]*\]$|\n(?: [^\n]*\n)*\])")
_NAME = re.compile(r'\{ name = "([^"]+)"')
_GROUPED = re.compile(r'^name = "([^"]+)"\nversion = "([^"]+)"\n(?:(?!\[\[).*\n)*?groups = \[([^\]]*)\]', re.MULTILINE)
_PRODUCTION: Mapping[str, tuple[str, ...]] = {
    "uv": ("--no-dev", "--no-default-groups", "--no-group=dev"),
    "poetry": ("--only=main", "--without=dev", "--no-dev"),
    "pdm": ("--prod", "--production"),
}
_LOCKS = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}


def find(subject: Subject) -> Iterator[Finding]:
    """Each step that brings a lock with development packages to an install of production alone."""
    from depsfirst.checks.blame import blamed, of_code

    for tool in sorted({tool for step in subject.installing if (tool := _tool(subject, step))}):
        found = _change(subject, tool)
        if found is None:
            continue
        change, name = found
        graver = (*of_code(subject), *blamed(subject, "version-bump"))
        known = {place_of(step) for each in graver for step in each.installs}
        for blame in blamed(subject, change):
            left = tuple(step for step in blame.installs if place_of(step) not in known and _tool(subject, step))
            if left:
                yield _finding(subject, blame._replace(installs=left), name)


def _tool(subject: Subject, step: Step) -> str:
    """The installer of a step that installs for production alone from a lock; empty for none."""
    found = subject.commands.dependencies(step)
    return next((each.tool for each in found if _is_production(each)), "")


def _is_production(installation: Installation) -> bool:
    if installation.tool == "pipenv":
        return not any(text in ("--dev", "-d") for text in installation.command.texts)
    wanted = _PRODUCTION.get(installation.tool, ())
    return any(option in wanted for option in installation.selection)


def _change(subject: Subject, tool: str) -> tuple[Change, str] | None:
    """The edit of the lock that changes one development package, and its name."""
    from depsfirst.cache.changes import Change, Edit

    for place in subject.places:
        path, text = place.path(_LOCKS[tool]), place.text(_LOCKS[tool])
        edited = _READERS[tool](text) if text else None
        if text and edited:
            return Change("paths", (Edit(path, text, edited[1]),), "a development package"), edited[0]
    return None


def _of_groups(text: str) -> tuple[str, str] | None:
    """A development package of a lock that says of which groups a package is, and the lock with another of it."""
    text = text.replace("\r\n", "\n")
    for found in _GROUPED.finditer(text):
        groups = re.findall(r'"([^"]+)"', found[3])
        if groups and not {"main", "default"} & set(groups):
            return found[1], f"{text[: found.start(2)]}{found[2]}.1{text[found.end(2) :]}"
    return None


def _of_uv(text: str) -> tuple[str, str] | None:
    """A package that nothing but a list of the project's development packages names, and the lock with another."""
    text = text.replace("\r\n", "\n")
    edges = _LISTS.sub("", text)
    named = {name for section in _DEVELOPMENT.findall(edges) for name in _NAME.findall(section)}
    elsewhere = set(_NAME.findall(_DEVELOPMENT.sub("", edges)))
    for name in sorted(named - elsewhere):
        found = re.search(rf'(?m)^name = "{re.escape(name)}"\nversion = "([^"\n]+)"$', text)
        if found:
            return name, f"{text[: found.start(1)]}{found[1]}.1{text[found.end(1) :]}"
    return None


def _of_pipenv(text: str) -> tuple[str, str] | None:
    try:
        lock = json.loads(text)
        own = sorted(set(lock.get("develop", {})) - set(lock.get("default", {})))
    except (ValueError, AttributeError, TypeError):
        return None
    for name in own:
        entry = lock["develop"][name]
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            entry["version"] += ".1"
            return name, json.dumps(lock, indent=4)
    return None


_READERS: Mapping[str, Callable[[str], tuple[str, str] | None]] = {
    "uv": _of_uv,
    "poetry": _of_groups,
    "pdm": _of_groups,
    "pipenv": _of_pipenv,
}


def _finding(subject: Subject, blame: Blame, name: str) -> Finding:
    what = "mounts" if blame.binds else "takes"
    lock = posixpath.basename(blame.paths[0])
    fixes, reason = _fixes(subject, blame)
    return RULE.finding(
        subject,
        span_of(blame.reader),
        f'{blame.reader.instruction.name} {what} "{lock}", so another "{name}", which only development needs,'
        " installs the production dependencies again",
        cost=subject.project.cost(*blame.installs),
        related=[] if blame.binds else [Related(span_of(step), "this one installs them") for step in blame.installs],
        fixes=fixes,
        no_fix=reason,
    )


def _fixes(subject: Subject, blame: Blame) -> tuple[list[Fix], str]:
    from depsfirst.checks.needs import UnprovenError
    from depsfirst.checks.waiting import exported

    try:
        return [exported(subject, blame)], ""
    except UnprovenError as error:
        return [], str(error)


RULE = Rule("dev-lock-reinstalls-production", "order", Severity.WARNING, find, __doc__)
