"""What each step of a build installs, seen together with what the steps before it have installed."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Literal

from depsfirst.cache.filters import Exported
from depsfirst.cache.finds import Finds
from depsfirst.cache.keys import ResultContent
from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.commands import Installation, Installs, installations, only_project
from depsfirst.dockerfile.installers.together import of_wheels
from depsfirst.dockerfile.instructions import Copy, Run
from depsfirst.dockerfile.mounts import Mount
from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.build import Build
    from depsfirst.cache.finds import Reader
    from depsfirst.cache.keys import Key, Step
    from depsfirst.dockerfile.commands import Reading, Unknown

Kind = Literal["dependencies", "project", "system"]
_KINDS: dict[Installs, Kind] = {
    Installs.DEPENDENCIES: "dependencies",
    Installs.PROJECT: "project",
    Installs.SYSTEM: "system",
}
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
_PACKAGES = ("/site-packages", "/dist-packages")
_WHEELS = (".whl", "*")
_STARTS = re.compile(
    r"\b(?:pip3?|uv|poetry|conda|mamba|ensurepip|subprocess|pexpect|sh|plumbum|os\.(?:system|popen|exec\w*|spawn\w*))\b"
)
"""What a program in Python has in it that installs packages, or starts something that may."""
_REQUIREMENT = re.compile(r"(?m)^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Installed:
    """What a step installs.

    Attributes:
        kinds: all that it installs for certain.
        uncertain: why it may install dependencies besides, for each thing that cannot be told.
        reading: all that is known of its commands; None for a step that runs none.
    """

    kinds: frozenset[Kind] = frozenset()
    uncertain: tuple[str, ...] = ()
    reading: Reading | None = None

    @property
    def dependencies(self) -> bool:
        """Whether it installs third-party packages of the project."""
        return "dependencies" in self.kinds

    @property
    def main(self) -> Kind | None:
        """The one that matters most."""
        return next((kind for kind in _KINDS.values() if kind in self.kinds), None)


def installed_by(build: Build, steps: Sequence[Step], read: Reader) -> list[Installed]:
    """What each of the steps installs.

    Args:
        build: what the steps are of.
        steps: in file order.
        read: bytes of a file of a build context, by its path; None where there is none.
    """
    known = _Known(Finds(build, read))
    return [known.of(step) for step in steps]


@dataclass(frozen=True, slots=True)
class _Earlier:
    """An installation of an earlier step, and what it came from.

    Attributes:
        installation: with names of their origins for its inputs.
        names: of the packages that its requirements name; all of them where they come from a lock.
        locked: whether they come from a lock.
        exported: the installations that the manager would make whose exporter wrote what it reads, their groups named.
    """

    installation: Installation
    names: frozenset[str]
    locked: bool
    exported: tuple[Installation, ...] = ()


class _Known:
    """What the steps so far have installed."""

    def __init__(self, finds: Finds) -> None:
        self._finds = finds
        self._earlier: dict[Key, list[_Earlier]] = {}

    def of(self, step: Step) -> Installed:
        if not isinstance(step.instruction, Run):
            return Installed()
        reading = installations(
            step.instruction,
            shell=step.shell,
            variables=step.scope.variables,
            cwd=step.cwd,
            user=step.user,
            files=lambda path: self._finds.text(step.key, path),
        )
        earlier = list(self._before(step.key))
        own = self._earlier[step.key] = []
        kinds: set[Kind] = set()
        conditional: list[Installation] = []
        for found in reading.installations:
            each = self._with_builds(found, step)
            kind = self._kind(each, earlier, step.key)
            if kind == "dependencies" and not each.command.always:
                conditional.append(each)
            elif kind is not None:
                kinds.add(kind)
            own.append(self._noted(each, step.key))
            earlier.append(own[-1])
        if len(conditional) > 1:  # the branches of one choice
            kinds.add("dependencies")
        perhaps = [f'"{each.tool} {each.verb}" runs under a condition' for each in conditional[:1]]
        reasons = dict.fromkeys(
            (*perhaps, *(each.reason for each in reading.unknown if not self._is_plain(each, step.key)))
        )
        return Installed(frozenset(kinds), tuple(reasons), reading)

    def _is_plain(self, unknown: Unknown, key: Key) -> bool:
        """Whether what is not followed is a program in Python that can be read, and that starts nothing."""
        words = [word.text for word in unknown.command.words if word.text and word.text.endswith(".py")]
        if not words or (not words[0].startswith("/") and unknown.command.cwd is None):
            return False
        text = self._finds.text(key, posixpath.normpath(posixpath.join("/", unknown.command.cwd or "/", words[0])))
        return text is not None and not _STARTS.search(text)

    def _kind(self, installation: Installation, earlier: Sequence[_Earlier], key: Key) -> Kind | None:
        if installation.kind is not Installs.DEPENDENCIES:
            return _KINDS.get(installation.kind)
        by_origin = self._by_origin(installation, key)
        if only_project(by_origin, [each.installation for each in earlier]):
            return "project"
        exported = [one for each in earlier for one in each.exported]
        if exported and only_project(self._with_named_groups(by_origin, installation, key), exported):
            return "project"
        return "project" if self._is_satisfied(installation, earlier, key) else "dependencies"

    def _with_named_groups(self, by_origin: Installation, installation: Installation, key: Key) -> Installation:
        """An installation as an export is noted."""
        manifest = self._manifest(installation.inputs[0], key) if installation.inputs else None
        return by_origin._replace(selection=_named(by_origin.tool, by_origin.selection, manifest or {}))

    def _is_satisfied(self, installation: Installation, earlier: Sequence[_Earlier], key: Key) -> bool:
        """Whether the project alone is installed on top of all that it asks for."""
        alone = installation.with_project is True and not installation.packages
        if not alone or any(path.endswith((".txt", *_LOCKS)) for path in installation.inputs):
            return False
        there = [each for each in earlier if _same_environment(each.installation, installation)]
        if any(each.locked for each in there):
            return True
        asked = self._asked(installation, key)
        return asked is not None and asked <= frozenset().union(*(each.names for each in there))

    def _asked(self, installation: Installation, key: Key) -> frozenset[str] | None:
        """The names of what the project's manifest asks for; None if that is not known."""
        manifest = self._manifest(f"{installation.project}/pyproject.toml", key) if installation.project else None
        project = manifest.get("project") if manifest else None
        if not isinstance(project, dict):
            return self._asked_by_setup(f"{installation.project}/setup.cfg", key) if installation.project else None
        if "dependencies" in (project.get("dynamic") or ()):
            return None
        asked = project.get("dependencies") or []
        return frozenset(_names("\n".join(each for each in asked if isinstance(each, str))))

    def _asked_by_setup(self, path: str, key: Key) -> frozenset[str] | None:
        """The names of what setup.cfg asks for; None if that is not known."""
        from configparser import ConfigParser, Error

        parser = ConfigParser(interpolation=None)
        try:
            parser.read_string(self._finds.text(key, path) or "")
        except Error:
            return None
        asked = parser.get("options", "install_requires", fallback="")
        return frozenset(_names(asked)) if asked and "file:" not in asked else None

    def _manifest(self, path: str, key: Key) -> dict[str, Any] | None:
        """What a manifest says; None if it cannot be read."""
        text = self._finds.text(key, path)
        if text is None:
            return None
        import tomli

        try:
            return tomli.loads(text)
        except tomli.TOMLDecodeError:
            return None

    def _noted(self, installation: Installation, key: Key) -> _Earlier:
        texts = [self._finds.text(key, path) or "" for path in installation.inputs if path.endswith(".txt")]
        exports = [found for path in installation.inputs if (found := self._finds.export(key, path))]
        locked = bool(exports) or any(path.endswith(_LOCKS) for path in installation.inputs)
        full = installation.kind is Installs.DEPENDENCIES and installation.with_dependencies is True
        names = frozenset(_names("\n".join([*texts, *installation.packages])))
        managers = tuple(
            installation._replace(
                tool=filtered.manager,
                inputs=origins[:2],
                selection=_named(filtered.manager, filtered.selection, None),
                packages=(),
                with_dependencies=True,
            )
            for filtered, origins in exports
            if isinstance(filtered, Exported)
        )
        return _Earlier(self._by_origin(installation, key), names, locked and full, managers)

    def _by_origin(self, installation: Installation, key: Key) -> Installation:
        return installation._replace(inputs=tuple(self._finds.origin(key, path) for path in installation.inputs))

    def _before(self, key: Key) -> Iterator[_Earlier]:
        """What the steps below have installed, and what was installed into directories that were copied from others."""
        for each in key.chain():
            if each is not key:
                yield from self._earlier.get(each, ())
            for content in each.contents:
                if isinstance(content, ResultContent) and isinstance(each.instruction, Copy):
                    yield from self._brought(each.instruction, content)

    def _brought(self, copy: Copy, content: ResultContent) -> Iterator[_Earlier]:
        """What was installed below a path that was copied to the same path."""
        kept = [source for source in copy.sources if source.rstrip("/") == copy.destination.rstrip("/")]
        into_interpreter = copy.destination.rstrip("/").endswith(_PACKAGES)
        for key in content.key.chain():
            for each in self._earlier.get(key, ()):
                place = each.installation.target or each.installation.project or ""
                if any(_is_in(each.installation, place, source.rstrip("/")) for source in kept):
                    yield each
                elif into_interpreter and place in {source.rstrip("/") for source in copy.sources}:
                    yield replace(each, installation=each.installation._replace(target=None))

    def _with_builds(self, installation: Installation, step: Step) -> Installation:
        """An installation of wheels that other stages have built."""
        folders = {path.rpartition("/")[0] for path in installation.inputs if path.endswith(_WHEELS)}
        if installation.with_project is not None or not folders:
            return installation
        builds = [
            each.installation._replace(output=folder)
            for folder in folders
            for key, source in _sources_of(folder, step)
            for below in key.chain()
            for each in self._earlier.get(below, ())
            if each.installation.output and each.installation.output.rstrip("/") == source
        ]
        return of_wheels(installation, builds) if builds else installation


def _is_in(installation: Installation, place: str, folder: str) -> bool:
    """Whether an installation went below a directory; that of a user goes below the home."""
    if installation.target is None and "--user" in installation.command.texts:
        return folder.endswith("/.local")
    return f"{place}/".startswith(f"{folder}/")


def _sources_of(folder: str, step: Step) -> Iterator[tuple[Key, str]]:
    """The directory itself, and those of other stages that it was copied from, or is mounted from."""
    yield step.key, folder
    for key in step.key.chain():
        contents = [content for content in key.contents if isinstance(content, ResultContent)]
        if isinstance(key.instruction, Copy) and key.instruction.destination.rstrip("/") == folder:
            for content in contents:
                for source in key.instruction.sources:
                    path = source.rstrip("/")
                    yield content.key, path.rpartition("/")[0] if path.endswith(_WHEELS) else path
        elif isinstance(key.instruction, Run) and key is step.key:
            for mount in key.instruction.mounts:
                if isinstance(mount, Mount) and mount.from_ and mount.target.rstrip("/") == folder:
                    yield from ((each.key, mount.source.rstrip("/")) for each in contents if each.name == mount.from_)


def _named(manager: str, selection: tuple[str, ...], manifest: dict[str, Any] | None) -> tuple[str, ...]:
    """A selection with its groups named, where install and exporter of a manager have other usual ones."""
    if manager != "poetry":
        return selection
    from depsfirst.cache.exported import with_named_groups

    return with_named_groups(selection, manifest)


def _same_environment(earlier: Installation, later: Installation) -> bool:
    return later.target is None or earlier.target is None or earlier.target == later.target


def _names(requirements: str) -> Iterator[str]:
    return (normalize(found[1]) for found in _REQUIREMENT.finditer(requirements))
