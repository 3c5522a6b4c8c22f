"""Broken, truncated and hostile locks and manifests: read, or turned down with a sentence, never a traceback."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover
from depsfirst.project.locks import format_of, pdm, poetry
from depsfirst.project.locks.pipenv import content_hashes
from depsfirst.project.manifest import read_manifest
from depsfirst.project.model import Environment, LockText, Project
from depsfirst.project.selection import select
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parent / "fixtures"
QUICK = settings(max_examples=15)
TEXTS = (
    "", "x", "..", "/", "*", "extra == 'x'", "python_version < '3'", "<empty>", "^1", ">=1", "==", "https://[", "git+x",
    "sha256:", "sha256:" + "0" * 64, "1.0", "9" * 5000, "\x00", "é\u2028", "(" * 2000, "a" * 3000,
)  # fmt: skip
OTHERS: tuple[object, ...] = (None, True, -1, 10**18, 0.5, [], {}, [[]], [{}], ["x"], [1], {"x": "y"}, {"x": [{}]})
VALUES: st.SearchStrategy[object] = st.sampled_from((*TEXTS, *OTHERS)) | st.text(max_size=8)


def attempt(project: Project, text: str, included: dict[str, str] | None = None) -> None:
    """Read and select; any failure but an explained one, with its place in a file, leaves this function."""
    lock_format = format_of(project.lock.name)
    assert lock_format is not None
    files = (project.lock.name, "pyproject.toml", *(included or ()))
    try:
        lock = lock_format.read(LockText(project.lock.name, text, included or {}), project)
        select(lock, Environment((3, 11, 1)), groups=frozenset(lock.roots), extras=frozenset(lock.extras))
    except DepsfirstError as error:
        assert str(error.where).startswith(files), error  # noqa: PT017 (any other error is a failure, too)
    lock_format.stable_text(text, project)


@cache
def fixture(name: str) -> tuple[Project, str]:
    project = discover(FIXTURES / name)
    return project, project.lock.read_text()


@cache
def pipfile(name: str) -> dict[str, str]:
    path = FIXTURES / name / "Pipfile"
    return {"Pipfile": path.read_text()} if path.is_file() else {}


NAMES = sorted(path.name for path in FIXTURES.iterdir())
MANIFESTS = [name for name in NAMES if (FIXTURES / name / "pyproject.toml").is_file()]


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_a_lock_that_was_cut_or_scratched(name: str, data: st.DataObject) -> None:
    project, text = fixture(name)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)) | st.just(len(text)))
    attempt(
        project, text[:start] + data.draw(st.text(alphabet='"[]{}=,.#\n\\ ax1', max_size=5)) + text[end:], pipfile(name)
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy with the value at a path replaced, or removed where the new one is None."""
    if not path:
        return new
    copy = value.copy()
    if new is None and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


def dumped(value: object) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {dumped(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dumped(each) for each in value) + "]"
    return json.dumps(value).replace("\\ud", "\\u0").replace("\x7f", "")


@cache
def parsed(name: str) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    text = fixture(name)[1]
    values = json.loads(text) if name == "pipenv" else tomli.loads(text)
    return values, list(places(values))


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_a_lock_with_a_wrong_value(name: str, data: st.DataObject) -> None:
    project, _ = fixture(name)
    values, paths = parsed(name)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(paths))
        try:
            values = changed(values, path, data.draw(VALUES))
        except (KeyError, IndexError, TypeError, AttributeError):  # the first change took the place of the second
            continue
    attempt(project, json.dumps(values) if name == "pipenv" else dumped_manifest(values), pipfile(name))


def rehashed(text: str, manifest: str) -> str:
    """A Pipfile.lock that fits another Pipfile."""
    return text.replace(
        fixture("pipenv")[1].split('"sha256": "')[1][:64], list(content_hashes(tomli.loads(manifest)))[1]
    )


@QUICK
@given(data=st.data())
def test_a_pipfile_with_a_wrong_value(data: st.DataObject) -> None:
    project, text = fixture("pipenv")
    values = tomli.loads(pipfile("pipenv")["Pipfile"])
    path = data.draw(st.sampled_from(list(places(values))))
    manifest = dumped_manifest(changed(values, path, data.draw(VALUES)))
    try:
        text = rehashed(text, manifest)
    except ValueError:  # no TOML
        attempt(project, text, {"Pipfile": manifest})
    attempt(project, text, {"Pipfile": manifest})


@pytest.mark.parametrize("name", MANIFESTS)
@QUICK
@given(data=st.data())
def test_a_manifest_with_a_wrong_value(name: str, data: st.DataObject) -> None:
    project, text = fixture(name)
    path = data.draw(st.sampled_from(list(places(dict(project.pyproject)))))
    manifest = changed(dict(project.pyproject), path, data.draw(VALUES))
    try:
        other = read_manifest(project.root, project.lock, parse(dumped_manifest(manifest), "pyproject.toml"))
    except DepsfirstError:
        return
    attempt(other, text)
    if project.lock.name in pdm.NAMES:
        old, *_ = pdm.content_hashes(project.pyproject)
        attempt(other, text.replace(old, next(pdm.content_hashes(other.pyproject))))
    if project.lock.name in poetry.NAMES:  # past the hash, into the roots
        old, new = (poetry.content_hash(each.pyproject) for each in (project, other))
        attempt(other, text.replace(old, new))


def dumped_manifest(values: dict[str, Any]) -> str:
    return "\n".join(f"{json.dumps(key)} = {dumped(value)}" for key, value in values.items())


PIECES = (
    "a==1", "a", "b>=1", "-r x.txt", "-c x.txt", "-e .", "--hash=sha256:" + "0" * 64, " \\", " ; ", " # c", "@", "[x]",
    "git+https://x@" + "0" * 40, "#egg=a", "https://[", "file:", "./", "-i", "--", "\\", "é", "\x00", "'", "  ", "\n",
    "python_version < '3'", "extra == 'x'", "===", "==1.*", "\u2028", "$", "${A}", ".whl", "a-1-py3-none-any.whl",
)  # fmt: skip
REQUIREMENTS = st.lists(st.sampled_from(PIECES), max_size=14)


@settings(QUICK, max_examples=100)
@given(parts=REQUIREMENTS, more=REQUIREMENTS)
def test_any_requirements_file(parts: list[str], more: list[str]) -> None:
    root = Path("/srv/shop")
    project = Project(root, None, root / "requirements.txt", "shop")
    attempt(project, " ".join(parts), {"x.txt": "".join(more)})
    attempt(project, "".join(parts), {"x.txt": " ".join(more)})


@settings(QUICK, max_examples=40)
@given(text=st.text(max_size=60))
def test_any_text(text: str) -> None:
    for name in ("uv_forks", "poetry_2_1", "pdm_flat", "pipenv", "pylock"):
        attempt(fixture(name)[0], text)
    root = Path("/srv/shop")
    attempt(Project(root, None, root / "requirements.txt", "shop"), text)
