"""What is asked of a manager whose install is parted into an export and an install of what it wrote, and the answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.needs import UnprovenError
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.cache.exported import Locked
    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.project.model import Lock

RESULT = "/tmp/requirements.txt"  # noqa: S108 - a place that every user of an image can write to


class Recipe(NamedTuple):
    """The commands of a recipe stage, and what comes in place of an install.

    Attributes:
        export: writes the third-party packages to ``RESULT``, in lines.
        install: installs them, in place of the manager's own command.
        prepare: a command that gets the exporter, for a RUN of its own; empty where it is there.
        unsafe: what to look at before the fix is kept, each a part of a sentence; none where nothing can differ.
        reads: files that the export reads besides manifest and lock, below the directory of these.
    """

    export: tuple[str, ...]
    install: str
    prepare: str = ""
    unsafe: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class Option(NamedTuple):
    """An option as it is written, and its name and value."""

    name: str
    value: str | None
    source: str


class Given(NamedTuple):
    """A manager's command: how the manager is called, and what it is told besides its verb."""

    program: str
    options: tuple[Option, ...]

    def has(self, *names: str) -> bool:
        """Whether one of the options is there."""
        return any(option.name in names for option in self.options)

    def sources(self, *names: str) -> list[str]:
        """Options as they are written, in their order."""
        return [option.source for option in self.options if option.name in names]


class Question:
    """An install of dependencies from a lock, with what its step finds.

    Attributes:
        subject: the Dockerfile.
        step: the RUN.
        installation: the command that installs.
        texts: what it reads of the repository, by absolute path.
    """

    def __init__(self, subject: Subject, step: Step, installation: Installation, texts: Mapping[str, str]) -> None:
        self.subject = subject
        self.step = step
        self.installation = installation
        self.texts = texts

    @cached_property
    def manifest(self) -> str:
        """The text of the manifest."""
        return self._text(self.installation.inputs[0])

    @cached_property
    def lock_text(self) -> str:
        """The text of the lock."""
        return self._text(self.installation.inputs[1])

    def _text(self, path: str) -> str:
        if path not in self.texts:
            raise UnprovenError(f'there is no "{path}", which would fix the dependencies: commit one')
        return self.texts[path]

    @cached_property
    def values(self) -> Mapping[str, object]:
        """What the manifest says."""
        import tomli

        try:
            return tomli.loads(self.manifest)
        except tomli.TOMLDecodeError:
            raise UnprovenError(f'"{self.installation.inputs[0]}" is no TOML') from None

    @property
    def directory(self) -> str:
        """The directory of the project, absolute; empty for the root."""
        return self.installation.inputs[0].rpartition("/")[0]

    @cached_property
    def locked(self) -> Locked:
        """Manifest and lock."""
        from depsfirst.cache.exported import Locked

        return Locked(self.installation.tool, self.directory or "/", self.manifest, self.lock_text)

    @cached_property
    def lock(self) -> Lock:
        """The lock, which fits the manifest."""
        try:
            return self.locked.content
        except DepsfirstError as error:
            raise UnprovenError(f"the lock cannot be taken as it is: {error}") from None

    @property
    def target(self) -> str | None:
        """The directory of the environment, absolute; None where the manager has its own choice."""
        return self.installation.target

    def given(self, known: frozenset[str], valued: frozenset[str]) -> Given:
        """The words of the command, of which one says what to do.

        Args:
            known: the options that an export or an install from it can be told, or need not be.
            valued: those of them that take a value.
        """
        words = self.installation.command.words
        texts = self.installation.command.texts
        called = 1 if (texts[0] or "").rpartition("/")[2] == self.installation.tool else 3
        if called > 1 and texts[1:called] != ("-m", self.installation.tool):
            raise UnprovenError(f'how line {self.step.line} calls "{self.installation.tool}" is not known')
        options: list[Option] = []
        operands = 0
        rest = list(words[called:])
        while rest:
            word = rest.pop(0)
            if word.text is None:
                raise UnprovenError(f'what "{word.source}" in line {self.step.line} says is not known')
            name, equals, value = word.text.partition("=")
            if name.startswith("-") and name not in known:
                raise UnprovenError(
                    f'"{name}" in line {self.step.line} has no counterpart in an install from an export'
                )
            if not name.startswith("-"):
                operands += 1
            elif equals or name not in valued or not rest:
                options.append(Option(name, value if equals else None, word.source))
            else:
                given = rest.pop(0)
                options.append(Option(name, given.text, f"{word.source} {given.source}"))
        if operands > 1:
            raise UnprovenError(
                f"line {self.step.line} names packages besides those of the lock: a RUN of their own can install them"
            )
        return Given(" ".join(word.source for word in words[:called]), tuple(options))
