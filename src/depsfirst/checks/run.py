"""Runs the chosen rules on the Dockerfiles that are asked about, and mends what can be mended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks import ignores
from depsfirst.checks.choice import chosen
from depsfirst.checks.config import Configuration, Configurations
from depsfirst.checks.discovery.survey import Candidate, survey
from depsfirst.checks.files import Files
from depsfirst.checks.fix import Mended, Refused, mend
from depsfirst.checks.model import Diagnosis, Finding, Fix, Ignored, Invocation, Rule, Severity
from depsfirst.checks.rules import RULES
from depsfirst.checks.setup import Setup, invocations_of, subjects_of
from depsfirst.dockerfile.syntax import refusal
from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from depsfirst.checks.discovery.found import Misunderstood
    from depsfirst.checks.rules import Row
    from depsfirst.checks.subject import Subject


class Order(NamedTuple):
    """What is asked for.

    Attributes:
        paths: Dockerfiles and trees.
        select: rules, families or patterns; None for what the settings say.
        ignore: the same, besides those of the settings.
        severity: the least that a finding must have; None for what the settings say.
        setup: how Dockerfiles are built, before what is found or guessed.
    """

    paths: tuple[Path, ...]
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Severity | None = None
    setup: Setup = Setup()


class Report(NamedTuple):
    """What came of all Dockerfiles.

    Attributes:
        diagnoses: by path.
        misunderstood: words of compose, bake and CI files that could not be read.
    """

    diagnoses: tuple[Diagnosis, ...]
    misunderstood: tuple[Misunderstood, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all files."""
        return tuple(finding for diagnosis in self.diagnoses for finding in diagnosis.findings)

    @property
    def exit_code(self) -> ExitCode:
        """What the process tells its caller."""
        if any(each.failure and each.named for each in self.diagnoses):
            return ExitCode.FAILURE
        if not self.diagnoses:
            return ExitCode.NOTHING
        return ExitCode.FINDINGS if self.findings else ExitCode.CLEAN


class Checker:
    """One run over some Dockerfiles; finds them when it is made.

    Raises:
        DepsfirstError: a path does not exist, a rule is unknown, or settings have a mistake.
    """

    def __init__(self, order: Order) -> None:
        self.files = Files()
        self._order = order
        self._invocations: dict[Path, tuple[Invocation, ...]] = {}
        self._configurations = Configurations(self.files)
        found = survey(order.paths, self.files)
        self._misunderstood = found.misunderstood
        self.candidates = tuple(each for each in found.candidates if self._wants(each))
        chosen(RULES, order.select, order.ignore)  # refuses unknown words even where there is nothing to look at

    def _wants(self, candidate: Candidate) -> bool:
        return candidate.named or not self._configurations.of(candidate.path).excludes(candidate.path)

    def report(self, files: Files | None = None) -> Report:
        """What all rules find, in the files as they are or as they would be."""
        for candidate in self.candidates:  # a rule may ask which directories are contexts of any build
            with suppress(DepsfirstError):
                self.invocations(candidate, self.files)
        diagnoses = [self.diagnose(candidate, files or self.files) for candidate in self.candidates]
        return Report(tuple(_without_doubles(diagnoses)), self._misunderstood)

    def diagnose(self, candidate: Candidate, files: Files) -> Diagnosis:
        """What comes of one Dockerfile."""
        invocations: tuple[Invocation, ...] = ()
        diagnosis = Diagnosis(candidate.path, invocations, named=candidate.named)
        try:
            invocations = self.invocations(candidate, files)
            diagnosis = diagnosis._replace(invocations=invocations)
            subjects = subjects_of(invocations, files)
            for problem in subjects[0].outline.problems:
                raise refusal(problem, str(candidate.path))
            return self._judged(diagnosis, subjects)
        except DepsfirstError as error:
            return diagnosis._replace(failure=error)

    def invocations(self, candidate: Candidate, files: Files) -> tuple[Invocation, ...]:
        """How a Dockerfile is built: as the user says, as the repository says, or as it seems."""
        if candidate.path not in self._invocations:
            configuration = self._configurations.of(candidate.path)
            build = configuration.build(candidate.path)
            found = invocations_of(candidate, self._order.setup, build, configuration, files)
            self._invocations[candidate.path] = found
        return self._invocations[candidate.path]

    def subjects(self) -> list[Subject]:
        """What the Dockerfiles come to, as they are.

        Raises:
            DepsfirstError: one of them cannot be judged.
        """
        return [
            subject
            for candidate in self.candidates
            for subject in subjects_of(self.invocations(candidate, self.files), self.files)
        ]

    def rules(self, dockerfile: Path) -> tuple[Row, ...]:
        """The rules that are asked of one Dockerfile."""
        configuration = self._configurations.of(dockerfile)
        by_settings = chosen(
            RULES, configuration.settings.select, configuration.ignored(dockerfile), configuration.where
        )
        if self._order.select is None:
            return chosen(by_settings, None, _there(self._order.ignore, by_settings))
        return chosen(RULES, self._order.select, self._order.ignore)

    def _severity(self, configuration: Configuration) -> Severity:
        return self._order.severity or Severity(configuration.settings.severity)

    def _judged(self, diagnosis: Diagnosis, subjects: Sequence[Subject]) -> Diagnosis:
        rules = self.rules(diagnosis.path)
        least = self._severity(self._configurations.of(diagnosis.path))
        comments = ignores.read_ignores(subjects[0].dockerfile)
        text = subjects[0].text.lower()
        asked = [row.load() for row in rules if row.may_find(text)]
        found = _distinct(finding for subject in subjects for rule in asked for finding in rule.find(subject))
        shown, hidden = ignores.divide(found, comments, subjects[0])
        shown += self._about_comments(subjects[0], comments, hidden, rules)
        kept = [finding for finding in shown if finding.severity.rank <= least.rank]
        return diagnosis._replace(findings=tuple(sorted(kept, key=_place)), ignored=tuple(hidden))

    def _about_comments(
        self, subject: Subject, comments: tuple[ignores.Ignore, ...], hidden: list[Ignored], rules: Sequence[Row]
    ) -> list[Finding]:
        names = {rule.name for rule in rules}
        known = {rule.name: rule.name in names for rule in RULES}
        found = ignores.judge(subject, comments, hidden, known)
        return [finding for finding in found if finding.rule in names]

    def mended(self, *, unsafe: bool) -> tuple[Mended, Report]:
        """What fixes make of the files, none of which is written, and what is left to find then."""
        files = self.files
        made: list[tuple[Finding, Fix]] = []
        refused: list[Refused] = []
        for candidate in self.candidates:
            mended = mend(files, _DockerfileBench(self, candidate), unsafe=unsafe)
            files = mended.files
            made += mended.made
            refused += mended.refused
        result = Mended(files, tuple(made), tuple(refused))
        return result, _with_refusals(self.report(files), refused)


class _DockerfileBench:
    """Fixes one Dockerfile after the other, and keeps an eye on those that share its ignore file."""

    def __init__(self, checker: Checker, candidate: Candidate) -> None:
        self._checker = checker
        self._candidate = candidate
        self._invocations = checker.diagnose(candidate, checker.files).invocations
        self._neighbours: dict[Path, list[tuple[Invocation, ...]]] = {}

    def subjects(self, files: Files) -> Sequence[Subject]:
        return subjects_of(self._invocations, files)

    def findings(self, subjects: Sequence[Subject]) -> Sequence[Finding]:
        if not subjects:
            return ()
        return self._checker.diagnose(self._candidate, subjects[0].files).findings

    def neighbours(self, files: Files, path: Path) -> Sequence[Subject]:
        if path == self._candidate.path:
            return ()
        if path not in self._neighbours:
            self._neighbours[path] = list(self._find_neighbours(path))
        return [subject for some in self._neighbours[path] for subject in subjects_of(some, files)]

    def _find_neighbours(self, path: Path) -> Iterator[tuple[Invocation, ...]]:
        for candidate in survey([path.parent], self._checker.files).candidates:
            if candidate.path == self._candidate.path:
                continue
            diagnosis = self._checker.diagnose(candidate, self._checker.files)
            contexts = {each.context for each in diagnosis.invocations}
            if diagnosis.failure is None and path.parent in contexts:
                yield diagnosis.invocations

    def rule(self, name: str) -> Rule | None:
        return next((row.load() for row in RULES if row.name == name and row.family != ignores.FAMILY), None)


def _there(words: Iterable[str], rules: Sequence[Row]) -> list[str]:
    """Those of the words that fit one of some rules; that they fit any was seen before."""
    fitting = {rule.name for word in words for rule in chosen(RULES, [word], ())}
    return [rule.name for rule in rules if rule.name in fitting]


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that say of the same place the same."""
    found: dict[tuple[str, Path, int, str], Finding] = {}
    for finding in findings:
        found.setdefault((finding.rule, finding.path, finding.span.offset, finding.message), finding)
    return list(found.values())


def _without_doubles(diagnoses: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """What two Dockerfiles have in common, as an ignore file, is said once."""
    said: set[tuple[str, Path, int, str]] = set()
    for diagnosis in diagnoses:
        keys = [(each.rule, each.path, each.span.offset, each.message) for each in diagnosis.findings]
        kept = tuple(each for key, each in zip(keys, diagnosis.findings, strict=True) if key not in said)
        said.update(keys)
        yield diagnosis._replace(findings=kept)


def _place(finding: Finding) -> tuple[bool, str, int, str]:
    name = str(finding.path)
    return (name.endswith(".dockerignore"), name, finding.span.offset, finding.rule)


def _with_refusals(report: Report, refused: Iterable[Refused]) -> Report:
    """The report, where findings whose fix was refused say why they have none."""
    reasons = {(each.finding.rule, each.finding.path, each.finding.message): each.reason for each in refused}

    def told(finding: Finding) -> Finding:
        reason = reasons.get((finding.rule, finding.path, finding.message))
        return finding._replace(fixes=(), no_fix=f"the fix was refused: {reason}") if reason else finding

    return report._replace(
        diagnoses=tuple(each._replace(findings=tuple(map(told, each.findings))) for each in report.diagnoses)
    )
