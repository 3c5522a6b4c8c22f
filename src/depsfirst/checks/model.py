"""The values that rules, engine and reports exchange: rules, findings, fixes and diagnoses."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span
    from depsfirst.errors import DepsfirstError


class Severity(Enum):
    """How much a finding costs whoever waits for the build: the levels of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


class Confidence(Enum):
    """How sure a finding is: high is proven by the model, medium rests on convention, low on a guess."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Edit(NamedTuple):
    """A part of a file, counted in characters, and what comes in its place.

    ``creates`` stands for a file that must not exist yet; ``start`` and ``end`` are 0 then. Lines in ``text`` end
    with a line feed alone: the engine writes what the file has.
    """

    path: Path
    start: int
    end: int
    text: str
    creates: bool = False


class Fix(NamedTuple):
    """A way to mend what was found; all of its edits are made, or none.

    Attributes:
        title: what it does, as an order: ``Pin "uv" to 0.9.7``.
        safe: proven to leave the image what it is, but for what the finding says; ``--fix`` makes safe ones alone.
        edits: in any order; they do not overlap.
        lowers: names of changes (``Subject.reruns``) after which it makes fewer installs run again. The engine refuses
            the fix if that is not so of any of them.
        why_unsafe: what to look at before it is kept; empty for a safe one.
    """

    title: str
    safe: bool
    edits: tuple[Edit, ...]
    lowers: tuple[str, ...] = ()
    why_unsafe: str = ""


class Related(NamedTuple):
    """Another place that a finding speaks of, in the same file, and what is there."""

    span: Span
    text: str


class Finding(NamedTuple):
    """Something in a Dockerfile that costs time or space, or that surprises.

    Attributes:
        rule: name of the rule that found it.
        severity: how much it costs.
        confidence: how sure it is.
        path: the file: the Dockerfile, or the ignore file of its context.
        span: where in that file.
        message: what happens: a sentence, objects in double quotes, no full stop.
        hint: what to do about it, as an order; may be empty where a fix says it.
        cost: what it costs here, as ``61 packages, 146 MB``; empty where nobody knows.
        related: other places that it speaks of.
        fixes: ways to mend it, the best first.
        no_fix: why there is none; empty if there are some.
    """

    rule: str
    severity: Severity
    confidence: Confidence
    path: Path
    span: Span
    message: str
    hint: str = ""
    cost: str = ""
    related: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = ()
    no_fix: str = ""


class Rule(NamedTuple):
    """A rule: the docstring of its module is its page, the first line its summary.

    Attributes:
        name: words with dashes; also the name of its module, its fixtures and its page.
        family: what it is about; selects all of its kin.
        severity: of its findings, unless one says another.
        find: the findings in one subject.
        page: in Markdown.
        confidence: of its findings, unless one says another.
    """

    name: str
    family: str
    severity: Severity
    find: Callable[[Subject], Iterable[Finding]]
    page: str
    confidence: Confidence = Confidence.HIGH

    @property
    def summary(self) -> str:
        """The first line of its page."""
        return self.page.partition("\n")[0]

    def finding(  # noqa: PLR0913 - one argument for each part of a finding
        self,
        subject: Subject,
        span: Span,
        message: str,
        *,
        fixes: Sequence[Fix] = (),
        no_fix: str = "",
        hint: str = "",
        cost: str = "",
        related: Sequence[Related] = (),
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        path: Path | None = None,
    ) -> Finding:
        """A finding of this rule; it has ``fixes``, or ``no_fix`` says why there are none.

        Args:
            subject: what was judged.
            span: the place, in ``path``.
            message: as in ``Finding``; so are the others.
            fixes: ways to mend it.
            no_fix: why there are none.
            hint: what to do.
            cost: what it costs.
            related: other places.
            severity: if it is not the rule's.
            confidence: if it is not the rule's.
            path: the file, if it is not the Dockerfile.

        Raises:
            ValueError: neither ``fixes`` nor ``no_fix``, or both.
        """
        if bool(fixes) == bool(no_fix):
            raise ValueError(f"{self.name}: a finding has fixes, or says why there are none")
        return Finding(
            self.name,
            severity or self.severity,
            confidence or self.confidence,
            path or subject.path,
            span,
            message,
            hint,
            cost,
            tuple(related),
            tuple(fixes),
            no_fix,
        )


class Invocation(NamedTuple):
    """How a Dockerfile is built, as far as its repository tells.

    Attributes:
        dockerfile: the file.
        context: the directory that is sent; None where that is no directory of this disk.
        target: the stage that is built; None for the last.
        arguments: build arguments, name and value, sorted.
        contexts: named contexts, name and directory or reference, sorted.
        origin: where this was read, as ``compose.yaml: services.web``, or how it was guessed.
        guessed: whether nothing says it.
        engine: ``podman`` or ``buildah``, where one of them is seen to build it; empty for all others.
    """

    dockerfile: Path
    context: Path | None
    target: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    contexts: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    guessed: bool = False
    engine: str = ""


class Ignored(NamedTuple):
    """A finding that is not shown, and why: the reason of a comment, or a setting."""

    finding: Finding
    reason: str


class Diagnosis(NamedTuple):
    """What came of one Dockerfile.

    Attributes:
        path: the Dockerfile.
        invocations: the builds it was judged for.
        findings: by place.
        ignored: findings that somebody does not want to see.
        failure: why it could not be judged; None if it was.
        named: whether the user named it; one that was found in a tree may be no Dockerfile after all.
    """

    path: Path
    invocations: tuple[Invocation, ...]
    findings: tuple[Finding, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    failure: DepsfirstError | None = None
    named: bool = True
