"""Keys as trees: what a step is defined by, what it stands on, and which contents it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from depsfirst.cache.build import ImageFacts
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.platforms import Platform
    from depsfirst.dockerfile.scope import Scope
    from depsfirst.dockerfile.selection import Request
    from depsfirst.dockerfile.stages import Stage


@dataclass(frozen=True, slots=True)
class Definition:
    """What counts of a step besides its inputs; two are equal exactly if their digests are for a builder.

    Attributes:
        kind: ``run``, ``files``, ``directory``, ``merge``, ``image``, ``scratch`` or ``local``.
        fields: names and values, in one order for each kind.
    """

    kind: str
    fields: tuple[tuple[str, Hashable], ...] = ()

    def differing(self, other: Definition) -> tuple[str, ...]:
        """The names of the fields in which two definitions of one kind differ."""
        mine, others = dict(self.fields), dict(other.fields)
        return tuple(name for name in mine if mine[name] != others.get(name))

    def value(self, name: str) -> Hashable:
        """The value of a field."""
        return dict(self.fields)[name]


@dataclass(frozen=True, slots=True)
class ContextContent:
    """What a list of sources selects of a build context; ``name`` is that of a named one."""

    context: Context
    request: Request
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ResultContent:
    """What a list of sources selects of the result of another stage, or of an image.

    Attributes:
        key: of what makes it.
        request: what is selected.
        name: of the stage or the image, for people.
    """

    key: Key
    request: Request
    name: str


@dataclass(frozen=True, slots=True)
class RemoteContent:
    """What stands at a URL or in a git repository; taken to be what it was, as long as its name is the same."""

    url: str
    checksum: str = ""


Content = ContextContent | ResultContent | RemoteContent


@dataclass(frozen=True, slots=True)
class Place:
    """What is in force where a step runs.

    Attributes:
        stage: the stage that it belongs to.
        scope: the variables before it.
        cwd: the working directory, as it was written.
        user: as it was written; empty for none.
        shell: that of the shell form.
        platform: of the stage.
    """

    stage: Stage
    scope: Scope
    cwd: str
    user: str
    shell: tuple[str, ...]
    platform: Platform


@dataclass(frozen=True, eq=False, repr=False)
class Key:
    """What a builder looks for in its cache, as a tree.

    Attributes:
        definition: what counts besides the inputs.
        parent: the key of what the step's root file system is; None for nothing.
        contents: what it reads from elsewhere, which is compared by content.
        others: keys that count like the parent's: what a merge puts above it.
        instruction: of the step, its variables expanded; None for an image and a merge.
        place: what is in force there.
        forced: the step runs whatever is in the cache.
        loose: the parent may as well be the same by its content, as the step mounts it besides.
        facts: of an image, where somebody knows them.
        context: the files of a ``local`` one.
    """

    definition: Definition
    parent: Key | None = None
    contents: tuple[Content, ...] = ()
    others: tuple[Key, ...] = ()
    instruction: Typed | None = None
    place: Place | None = None
    forced: bool = False
    loose: bool = False
    facts: ImageFacts | None = None
    context: Context | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        line = f" of line {self.instruction.line}" if self.instruction else ""
        return f"<{self.definition.kind} key{line}>"

    def chain(self) -> Iterator[Key]:
        """The key and those below it, down to the image."""
        key: Key | None = self
        while key is not None:
            yield key
            key = key.parent


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a build.

    Attributes:
        stage: the stage it belongs to; of a trigger that which starts from the one that has it.
        instruction: its variables expanded.
        key: what the builder looks for.
        place: the variables, directory, user and shell in force.
        trigger: it comes from ONBUILD.
    """

    stage: Stage
    instruction: Typed
    key: Key
    place: Place
    trigger: bool = False

    @property
    def line(self) -> int:
        """The line it begins at, from 1."""
        return self.instruction.line

    @property
    def end_line(self) -> int:
        """The last line that belongs to it."""
        return self.instruction.end_line

    @property
    def scope(self) -> Scope:
        """The variables before it."""
        return self.place.scope

    @property
    def cwd(self) -> str:
        """The working directory."""
        return self.place.cwd

    @property
    def user(self) -> str:
        """The user, as written; empty for none."""
        return self.place.user

    @property
    def shell(self) -> tuple[str, ...]:
        """The shell of the shell form."""
        return self.place.shell

    @property
    def title(self) -> str:
        """Its first line, for people: ``COPY src/ ./src``."""
        text = " ".join(self.instruction.syntax.text.split())
        return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1].rstrip() + "…"


_LONGEST_TITLE = 60
