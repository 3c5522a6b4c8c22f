"""Runs `depsfirst check` on public repositories, each at one commit, and holds what is found against readings by hand.

    python -m scripts.check_corpus READINGS MIRRORS [--only TEXT] [--findings] [--scratch DIRECTORY]

READINGS is a JSON file of repositories, Dockerfiles and answers (as for ``scripts.compare_readings``); MIRRORS holds a
git directory for each. Prints a table of findings by repository and by rule. Where a reading says that an edit of the
code, the version or the readme installs the dependencies again, a rule has to say so, too: what is missed is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from depsfirst.checks.rules import RULES
from depsfirst.checks.run import Checker, Order
from scripts.compare_readings import EDITS, git_directory
from scripts.exported_trees import export

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depsfirst.checks.model import Diagnosis, Finding

_NOT_READ = frozenset({"volatile-argument", "system-packages-after-code", "frontend-after-code", "download-after-code"})
"""Rules of the order that speak of other edits, or of other packages, than the readings do."""
_ORDER = frozenset(row.name for row in RULES if row.family == "order") - _NOT_READ


class Checked(NamedTuple):
    """What was found in one repository."""

    repository: str
    root: Path
    diagnoses: tuple[Diagnosis, ...]
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        """Those of all of its Dockerfiles."""
        return [finding for diagnosis in self.diagnoses for finding in diagnosis.findings]


def checked(name: str, git: Path, head: str, folder: Path) -> Checked:
    """Write a commit, and check all of it."""
    export(git, head, folder)
    start = time.perf_counter()
    report = Checker(Order((folder,))).report()
    return Checked(name, folder, report.diagnoses, time.perf_counter() - start)


def missed(checked: Checked, pair: dict[str, Any]) -> list[str]:
    """What a reading says of a Dockerfile and no rule does."""
    path = checked.root / pair["dockerfile"]
    found = next((each for each in checked.diagnoses if each.path == path), None)
    place = f"{checked.repository} {pair['dockerfile']} {pair['target']}"
    if found is None:
        return [f"{place}: was not found"]
    if found.failure:
        return [f"{place}: {found.failure}"]
    if any(finding.rule in _ORDER for finding in found.findings):
        return []
    return [f"{place}, {edit}: {pair[edit]['reading']}" for edit in EDITS if pair[edit]["answer"] == "yes"]


def unread(checked: Checked, pairs: Sequence[dict[str, Any]]) -> list[str]:
    """What a rule of the order says of a Dockerfile whose readings are all no."""
    lines = []
    for diagnosis in checked.diagnoses:
        path = diagnosis.path.relative_to(checked.root).as_posix()
        answers = [pair[edit]["answer"] for pair in pairs if pair["dockerfile"] == path for edit in EDITS]
        if answers and not {"yes", "unsure"} & set(answers):
            lines += [
                f"{checked.repository} {path}: {f.rule}: {f.message}" for f in diagnosis.findings if f.rule in _ORDER
            ]
    return lines


def table(every: Sequence[Checked]) -> str:
    """A row for each repository: Dockerfiles, and how often each rule speaks."""
    lines = ["| repository | Dockerfiles | findings | rules |", "| --- | ---: | ---: | --- |"]
    for each in every:
        judged = sum(diagnosis.failure is None for diagnosis in each.diagnoses)
        lines.append(f"| {each.repository} | {judged} | {len(each.findings)} | {_counted(each.findings)} |")
    return "\n".join(lines)


def _counted(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.rule for finding in findings)
    names = (rule.name for rule in RULES if counts[rule.name])
    return ", ".join(name if counts[name] == 1 else f"{name} ({counts[name]})" for name in names) or "none"


def totals(every: Sequence[Checked]) -> str:
    """A row for each rule: how many findings, in how many repositories, and how many of them have a fix."""
    lines = [
        "| rule | findings | repositories | with a safe fix | with an unsafe one |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for rule in RULES:
        by_repository = [[found for found in each.findings if found.rule == rule.name] for each in every]
        found = [finding for some in by_repository for finding in some]
        safe = sum(any(fix.safe for fix in finding.fixes) for finding in found)
        unsafe = sum(bool(finding.fixes) for finding in found) - safe
        lines.append(f"| {rule.name} | {len(found)} | {sum(map(bool, by_repository))} | {safe} | {unsafe} |")
    return "\n".join(lines)


def tell(checked: Checked) -> str:
    """Every finding in one line."""
    return "\n".join(
        f"{checked.repository} {finding.path.relative_to(checked.root)}:{finding.span.line} {finding.rule}"
        f" ({finding.severity.value}, {finding.confidence.value}): {finding.message}"
        f" [{'; '.join(fix.title for fix in finding.fixes) or finding.no_fix}]"
        for finding in checked.findings
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readings", type=Path)
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("--only", default="", help="repositories whose name has this text")
    parser.add_argument("--findings", action="store_true", help="print every finding")
    parser.add_argument("--scratch", type=Path, help="where trees are written, each of them gone again")
    options = parser.parse_args()
    every: list[Checked] = []
    misses: list[str] = []
    surplus: list[str] = []
    for repository in json.loads(options.readings.read_text())["repos"]:
        name = repository["repo"]
        if options.only not in name:
            continue
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            git = git_directory(options.mirrors, name)
            found = checked(name, git, repository["head"], Path(scratch, name.replace("/", "+")))
            if options.findings and found.findings:
                print(tell(found), flush=True)
        every.append(found)
        misses += [line for pair in repository["dockerfiles"] for line in missed(found, pair)]
        surplus += unread(found, repository["dockerfiles"])
    print(f"\n{table(every)}\n\n{totals(every)}")
    for title, lines in (("read, and said by no rule", misses), ("said by a rule of the order, and not read", surplus)):
        print(f"\n{len(lines)} {title}", *(f"- {line}" for line in lines), sep="\n")
    print(f"\n{sum(each.seconds for each in every):.1f} s to check what took longer to write")
    return 0


if __name__ == "__main__":
    sys.exit(main())
