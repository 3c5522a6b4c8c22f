"""What each RUN of a Dockerfile runs and installs, and where in the file that stands."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.accounts import home
from depsfirst.checks.places import below, place_of
from depsfirst.dockerfile.commands import Installs, Reading, installations, only_project
from depsfirst.dockerfile.filetree import Entry
from depsfirst.dockerfile.instructions import Run, Transfer
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.shell import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.cache.installing import Installed
    from depsfirst.cache.model import Step
    from depsfirst.cache.results import Results
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.shell import Command, Script
    from depsfirst.dockerfile.source import Span


class Commands:
    """The commands of one Dockerfile, each RUN read once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._readings: dict[tuple[int, str], Reading] = {}
        self._results: Results | None = None
        self._installed: dict[tuple[int, str], Installed] | None = None

    def script(self, step: Step) -> Script:
        """The commands of a RUN."""
        return self.reading(step).script

    def reading(self, step: Step) -> Reading:
        """What a RUN installs, exports, downloads and owns anew; paths are absolute in the image."""
        place = place_of(step)
        if place not in self._readings:
            self._readings[place] = self._read(step)
        return self._readings[place]

    def _read(self, step: Step) -> Reading:
        run = step.instruction
        if not isinstance(run, Run):
            raise TypeError(run.name)
        return installations(
            run,
            shell=step.place.shell,
            variables=step.scope.variables,
            cwd=step.cwd,
            user=step.user,
            home=home(self._subject, step),
            files=self._files(step, run),
        )

    def found(self, step: Step, path: str) -> str | None:
        """The text that a RUN finds at an absolute path, in its mounts too; None if it is not known."""
        run = step.instruction
        return self._files(step, run)(path) if isinstance(run, Run) else None

    def _files(self, step: Step, run: Run) -> Callable[[str], str | None]:
        """Reads what stands at a path of the image when a RUN begins."""
        bound = [each for each in run.mounts if isinstance(each, Mount) and each.type == "bind" and not each.from_]

        def read(path: str) -> str | None:
            for mount in bound:
                target = posixpath.normpath(posixpath.join(step.cwd, mount.target))
                if path == target or path.startswith(f"{target.rstrip('/')}/"):
                    return self._subject.read(posixpath.join(mount.source.lstrip("/"), path[len(target) :].lstrip("/")))
            return self.text(step, path)

        return read

    def text(self, step: Step, path: str) -> str | None:
        """The text that stands at an absolute path of the image when a step begins; None if it is not known."""
        from depsfirst.cache.nodes import File, find_node

        if step.key.parent is None or not path.startswith("/"):
            return None
        node = find_node(self.results.root(step.key.parent), path)
        if not isinstance(node, File):
            return self._copied_text(step, path) if node is not None else None
        if node.text is not None:
            return node.text.decode(errors="surrogateescape")
        return self._subject.read(node.place[1]) if node.place and node.place[0] is self._subject.context else None

    def _copied_text(self, step: Step, path: str) -> str | None:
        source = self.copied(step, path)
        return None if source is None else self._subject.read(source)

    def copied(self, step: Step, path: str) -> str | None:
        """The path in the context of a file that a COPY of the stage brings by its name, nothing having run since.

        What ran before may have made links of the directories above, which the steps that read the file follow as well.
        """
        for other in below(self._subject, step):
            transfer = other.instruction
            if isinstance(transfer, Run) or other.stage is not step.stage:
                return None
            selection = self._subject.selection(other)
            if not isinstance(transfer, Transfer) or selection is None or transfer.documents:
                continue
            destination = posixpath.join(other.cwd, transfer.destination)
            sole = len(transfer.sources) == 1 and not transfer.destination.endswith(("/", "."))
            for item in (item for read in selection.reads for item in read.items):
                places = [posixpath.join(destination, posixpath.basename(item.path)), *([destination] if sole else [])]
                if isinstance(item.node, Entry) and path in map(posixpath.normpath, places):
                    return item.path
        return None

    @property
    def results(self) -> Results:
        """The files that the steps of the first target leave, as far as they are known."""
        if self._results is None:
            from depsfirst.cache.results import Results

            self._results = Results(self._subject.builds[0])
        return self._results

    def installations(self, step: Step, *kinds: Installs) -> tuple[Installation, ...]:
        """What a RUN installs, of these kinds; of all if none is named."""
        return tuple(each for each in self.reading(step).installations if not kinds or each.kind in kinds)

    def dependencies(self, step: Step) -> tuple[Installation, ...]:
        """The installs of third-party packages of Python in a RUN.

        One that finds all of its packages installed by an earlier one of the same chain is none: it adds the project.
        """
        found = self.installations(step, Installs.DEPENDENCIES)
        if not found:
            return ()
        earlier = list(self._before(step))
        kept = []
        for each in found:
            if not only_project(each, earlier):
                kept.append(each)
            earlier.append(each)
        return () if kept and self._adds_project(step) else tuple(kept)

    def _adds_project(self, step: Step) -> bool:
        """Whether all that a step asks for is there, as far as requirements and copied environments tell."""
        if self._installed is None:
            from depsfirst.cache.installing import installed_by

            subject = self._subject
            found = installed_by(subject.builds[0], subject.steps, self._read_bytes) if self._are_several() else ()
            self._installed = {place_of(each): what for each, what in zip(subject.steps, found, strict=False)}
        what = self._installed.get(place_of(step))
        return what is not None and not what.dependencies and not what.uncertain

    def _read_bytes(self, context: Context, path: str) -> bytes | None:
        return self._subject.bytes(path) if context is self._subject.context else None

    def _are_several(self) -> bool:
        """Whether several steps install dependencies."""
        runs = (each for each in self._subject.runs if self.installations(each, Installs.DEPENDENCIES))
        return next(runs, None) is not None and next(runs, None) is not None

    def _before(self, step: Step) -> Iterator[Installation]:
        """What the RUNs that a step stands on install, in their order."""
        for other in reversed(below(self._subject, step)):
            if isinstance(other.instruction, Run):
                yield from self.reading(other).installations

    def installs_dependencies(self, step: Step) -> bool:
        """Whether a RUN installs third-party packages of Python."""
        return bool(self.dependencies(step))

    def span(self, step: Step, part: Command | Word) -> Span:
        """Where in the Dockerfile a command or a word of a RUN stands; the whole RUN where that is not known."""
        end = part.start + len(part.source) if isinstance(part, Word) else part.end
        return self._place(step, part.start, end)

    def _place(self, step: Step, start: int, end: int) -> Span:
        """Where in the Dockerfile a part of a RUN's script stands."""
        run = step.instruction
        if not isinstance(run, Run) or run.exec_form or not run.syntax.tokens or step.trigger:
            return run.syntax.span
        if run.heredocs and run.script() == run.heredocs[0].text:
            heredoc = run.heredocs[0]
            if heredoc.opener.strips_tabs:
                return heredoc.body_span
            return self._subject.span(heredoc.body_span.offset + start, heredoc.body_span.offset + end)
        first = run.syntax.tokens[0].start
        if first + end > len(run.syntax.text):  # behind the command stand its heredocs
            return run.syntax.span
        return run.syntax.place(first + start, first + end)
