"""The settings that hold for a Dockerfile: the table ``[tool.depsfirst]`` of the nearest manifest that has one."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.errors import DepsfirstError
from depsfirst.settings import BuildSettings, Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.checks.files import Files

MANIFEST = "pyproject.toml"


class Configuration(NamedTuple):
    """Settings, and the manifest that they stand in; None where there is none."""

    settings: Settings = Settings()
    manifest: Path | None = None

    @property
    def where(self) -> str:
        """The place, for errors."""
        return f"{self.manifest}: tool.depsfirst" if self.manifest else ""

    def below(self, path: Path) -> str:
        """A path as patterns of the settings see it."""
        root = self.manifest.parent if self.manifest else path.parent
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    def ignored(self, dockerfile: Path) -> tuple[str, ...]:
        """The rules that are not to be asked of a Dockerfile."""
        per_file = self.settings.per_file_ignores.items()
        own = (name for pattern, names in per_file if _fits(self.below(dockerfile), pattern) for name in names)
        return (*self.settings.ignore, *own)

    def excludes(self, dockerfile: Path) -> bool:
        """Whether a Dockerfile that was found in a tree is not to be judged."""
        return any(_fits(self.below(dockerfile), pattern) for pattern in self.settings.exclude)

    def build(self, dockerfile: Path) -> BuildSettings:
        """How a Dockerfile is built, as far as settings say it: its own ones before those for all."""
        common = self.settings
        own = common.dockerfiles.get(self.below(dockerfile), BuildSettings())
        return BuildSettings(
            own.context or common.context,
            own.target or common.target,
            {**common.build_args, **own.build_args},
            {**common.contexts, **own.contexts},
        )


def _fits(path: str, pattern: str) -> bool:
    """Whether a pattern fits a path or one of the directories above it."""
    parts = path.split("/")
    names = ("/".join(parts[: end + 1]) for end in range(len(parts)))
    return any(fnmatchcase(name, pattern.rstrip("/")) for name in names) or fnmatchcase(parts[-1], pattern)


class Configurations:
    """Looks settings up, each manifest once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[Path, Configuration] = {}

    def of(self, dockerfile: Path) -> Configuration:
        """The settings that hold for a Dockerfile.

        Raises:
            DepsfirstError: the nearest table has a mistake.
        """
        return self._in(dockerfile.parent)

    def _in(self, directory: Path) -> Configuration:
        if directory not in self._known:
            own = self._read(directory / MANIFEST)
            above = directory.parent
            if own is None and above != directory and not (directory / ".git").exists():
                own = self._in(above)
            self._known[directory] = own or Configuration()
        return self._known[directory]

    def _read(self, manifest: Path) -> Configuration | None:
        from depsfirst.project.toml import Table, parse

        if not manifest.is_file() or "depsfirst" not in self._files.text(manifest):
            return None
        tool = Table(parse(self._files.text(manifest), str(manifest)), str(manifest)).table("tool")
        if "depsfirst" not in tool:
            return None
        return Configuration(read_settings(tool.table("depsfirst").values, str(manifest)), manifest)


def require_directory(path: Path, where: str) -> Path:
    """The path of a context.

    Raises:
        DepsfirstError: it is no directory.
    """
    if not path.is_dir():
        raise DepsfirstError(f'the build context "{path}" is no directory', where=where or None)
    return path
