"""Reads which builds a compose file describes, with what it includes, extends or overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from depsfirst.checks.discovery.documents import list_of, mapping_of, read_yaml, scalar, texts_of
from depsfirst.checks.discovery.found import Found, Misunderstood, below, build_of, is_remote
from depsfirst.checks.discovery.interpolation import expanded, read_env

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    ReadFile = Callable[[Path], str | None]

_MOST_FILES = 20
_BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


def no_file(_: Path) -> None:
    """Knows no file."""


class _Source(NamedTuple):
    """A compose file.

    Attributes:
        services: what it says of each.
        directory: that its paths are relative to.
        variables: those that ``.env`` gives.
        path: of the file.
    """

    services: Mapping[str, Any]
    directory: Path
    variables: Mapping[str, str]
    path: Path

    def text(self, value: Any) -> str | None:
        """A scalar with its variables filled in; empty for none, None where one is not known."""
        return expanded(scalar(value) or "", self.variables)


def read(text: str, path: Path, where: str, files: ReadFile = no_file) -> Iterator[Found]:
    """The builds of a compose file.

    Args:
        text: of the file.
        path: of the file.
        where: its name, for origins.
        files: gives the text of another file; None if there is none.
    """
    document = read_yaml(text)
    if document is None:
        yield Misunderstood(where, "this is no YAML that can be read")
        return
    yield from _Reader(files).read(mapping_of(document), path.parent, path, where)


class _Reader:
    """Reads a compose file and those that it names."""

    def __init__(self, files: ReadFile) -> None:
        self._files = files
        self._seen: set[Path] = set()

    def read(self, document: Mapping[str, Any], directory: Path, path: Path, where: str) -> Iterator[Found]:
        """The builds of a file, then those of the files that it includes."""
        self._seen.add(path)
        variables = read_env(self._files(directory / ".env") or "")
        source = _Source(mapping_of(document.get("services")), directory, variables, path)
        for name in source.services:
            if build := self._build(source, name, frozenset()):
                yield _found(build, source, f"{where}: services.{name}.build")
        for entry in list_of(document.get("include")):
            yield from self._included(entry, source, where)

    def _included(self, entry: Any, source: _Source, where: str) -> Iterator[Found]:
        options = mapping_of(entry) or {"path": entry}
        paths = list_of(options.get("path")) or [options.get("path")]
        for each in paths:
            named = source.text(each)
            path = below(source.directory, named) if named else None
            if path is None or path in self._seen or len(self._seen) > _MOST_FILES:
                continue
            place = source.text(options.get("project_directory"))
            directory = below(source.directory, place) if place else path.parent
            document = mapping_of(read_yaml(self._files(path) or ""))
            yield from self.read(document, directory, path, f"{where}: include {named}")

    def _build(self, source: _Source, name: str, above: frozenset[tuple[Path, str]]) -> dict[str, Any]:
        """The build of a service, with absolute paths where another file says them; empty for none."""
        if (source.path, name) in above:
            return {}
        service = mapping_of(source.services.get(name))
        written = service.get("build")
        own = mapping_of(written) or ({"context": written} if written else {})
        base = self._extended(service.get("extends"), source, above | {(source.path, name)})
        if own and not above:
            base = base or self._overridden(source, name)
        return _merged(base, own)

    def _extended(self, extends: Any, source: _Source, above: frozenset[tuple[Path, str]]) -> dict[str, Any]:
        """The build of the service that a service extends."""
        if not extends:
            return {}
        options = mapping_of(extends) or {"service": extends}
        name, file = scalar(options.get("service")) or "", source.text(options.get("file"))
        other = self._source(below(source.directory, file), source) if file else source
        return _absolute(other, self._build(other, name, above)) if other else {}

    def _overridden(self, source: _Source, name: str) -> dict[str, Any]:
        """The build of the same service in the file that a ``compose.override.yaml`` is laid over."""
        if ".override." not in source.path.name:
            return {}
        usual = source.path.name.replace(".override", "")
        for base in dict.fromkeys((usual, *_BASES)):
            other = self._source(source.path.with_name(base), source)
            if other and (build := self._build(other, name, frozenset({(source.path, name)}))):
                return build
        return {}

    def _source(self, path: Path, source: _Source) -> _Source | None:
        text = self._files(path)
        if text is None:
            return None
        services = mapping_of(mapping_of(read_yaml(text)).get("services"))
        return source._replace(services=services, directory=path.parent, path=path)


def _absolute(source: _Source, build: dict[str, Any]) -> dict[str, Any]:
    """A build whose paths mean the same seen from another file."""
    context = source.text(build.get("context"))
    if not build or context is None or is_remote(context):
        return build
    named = {
        key: value if is_remote(value) or ":" in value else str(below(source.directory, value))
        for key, value in texts_of(build.get("additional_contexts")).items()
    }
    return {**build, "context": str(below(source.directory, context or ".")), "additional_contexts": named}


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A build over the one that it refines: what it says counts, mappings are joined."""
    joined: dict[str, Any] = {
        key: {**texts_of(base.get(key)), **texts_of(own.get(key))}
        for key in ("args", "additional_contexts")
        if key in base or key in own
    }
    return {**base, **own, **joined} if base else own


def _found(build: Mapping[str, Any], source: _Source, origin: str) -> Found:
    if "dockerfile_inline" in build:
        return Misunderstood(origin, "its Dockerfile stands in the compose file")
    words = {key: source.text(build.get(key)) for key in ("context", "dockerfile", "target")}
    for key, value in words.items():
        if value is None:
            return Misunderstood(origin, f'the {key} "{build[key]}" has a variable without a default')
    return build_of(
        source.directory,
        words["context"] or ".",
        words["dockerfile"] or None,
        origin=origin,
        target=words["target"],
        arguments=_known(build.get("args"), source),
        contexts=_known(build.get("additional_contexts"), source),
    )


def _known(value: Any, source: _Source) -> dict[str, str]:
    """Names and values, as a mapping or a list of ``name=value``, of those whose value is known."""
    pairs = {name: source.text(text) for name, text in texts_of(value).items()}
    return {name: text for name, text in pairs.items() if text is not None}
