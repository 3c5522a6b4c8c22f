"""Holds `depsfirst why` against readings by hand of public repositories, each at one commit, read from git alone.

Usage: python scripts/compare_readings.py READINGS MIRRORS [--only TEXT] [--explain]

READINGS is a JSON file of repositories, Dockerfiles and answers; MIRRORS holds a git directory for each repository, as
OWNER+NAME, OWNER+NAME/repo or OWNER/NAME.git. Nothing is checked out, built or fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from depsfirst.cache.request import Request, open_build
from depsfirst.cache.why import find_change, why
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.changes import ChangeKind
    from depsfirst.cache.why import Answer

EDITS: dict[str, ChangeKind] = {"code_edit": "code", "version_bump": "version-bump", "readme_edit": "readme"}
NONE = "n/a"


class Row(NamedTuple):
    """One question: what was read, and what is answered."""

    repository: str
    dockerfile: str
    target: str
    edit: str
    reading: str
    answer: str
    paths: str
    remark: str

    @property
    def verdict(self) -> str:
        """``agrees``, ``differs``, or ``open`` where one side does not say."""
        if self.reading == NONE:
            return "agrees" if self.answer in (NONE, "no") else "open"
        if self.answer == "refused" or self.reading.startswith("unsure"):
            return "open"
        return "agrees" if self.answer == self.reading else "differs"


def git_directory(mirrors: Path, repository: str) -> Path:
    flat = repository.replace("/", "+")
    for name in (f"{flat}/repo/.git", f"{flat}/repo", f"{flat}/.git", flat, f"{repository}.git", repository):
        if (mirrors / name / "objects").is_dir():
            return mirrors / name
    raise SystemExit(f"there is no git directory of {repository} in {mirrors}")


def request_of(git: Path, head: str, pair: dict[str, Any]) -> Request:
    target = None if pair["target"].startswith("(") else pair["target"]
    return Request(
        file=str(git / pair["dockerfile"]),
        context=os.path.normpath(git / pair["context"]),
        target=target,
        arguments=pair["build_args_assumed"] or {},
        contexts={name: str(git / folder) for name, folder in (pair["named_contexts"] or {}).items()},
        revision=head,
    )


def probes(pair: dict[str, Any], edit: str) -> list[str]:
    found = pair[edit].get("probe") or []
    return [found] if isinstance(found, str) else list(found)


def asked(git: Path, request: Request, pair: dict[str, Any], edit: str) -> Answer | str:
    """The answer about the files that the reading names, or about the edit of this kind where it names none.

    A new version is asked for by its kind where that edits a file that the reading names: then its text is known.
    """
    named = [str(git / path) for path in probes(pair, edit)]
    kind = EDITS[edit]
    if kind == "version-bump" or not named:
        try:
            opened = open_build(request)
            change = find_change(opened, kind)
        except DepsfirstError as error:
            if not named:
                return str(error)
        else:
            paths = {os.path.normpath(f"{opened.directories['']}/{path}") for path in change.paths}
            if not named or paths & set(named):
                return why(request, kind=kind)
    folders = [str(request.context), *request.contexts.values()]
    inside = [path for path in named if any(f"{path}/".startswith(f"{os.path.normpath(each)}/") for each in folders)]
    return why(request, inside) if inside else "outside"


def rows(git: Path, repository: dict[str, Any]) -> Iterator[Row]:
    for pair in repository["dockerfiles"]:
        request = request_of(git, repository["head"], pair)
        for edit in EDITS:
            reading = pair[edit]["answer"]
            head = (repository["repo"], pair["dockerfile"], pair["target"], edit, reading)
            try:
                answer = asked(git, request, pair, edit)
            except DepsfirstError as error:
                yield Row(*head, "refused", "", str(error).replace(f"{git}/", ""))
                continue
            if isinstance(answer, str):
                outside = answer == "outside"
                yield Row(*head, "no" if outside else NONE, "", "outside the context" if outside else answer)
            else:
                yield Row(*head, answer.reruns_dependencies, ", ".join(answer.change.paths), reason(answer))


def reason(answer: Answer) -> str:
    """Why the first step that counts is not cached."""
    for step in answer.reinstalling:
        text = "; ".join((f"line {step.outcome.step.line}: {step.because}", *step.installs.uncertain[:1]))
        return text.replace("|", "\\|")
    return ""


def cell(row: Row) -> str:
    """The answer, with the reading where it is another one."""
    return row.answer if row.verdict == "agrees" else f"{row.answer} (read: {row.reading})"


def remark(row: Row) -> str:
    """All of a row in one sentence."""
    place = f"{row.repository} {row.dockerfile} {row.target}, {row.edit} of {row.paths or 'nothing'}"
    return f"{place}: read {row.reading}, answered {row.answer} ({row.verdict}){row.remark and f': {row.remark}'}"


def batched(found: list[Row], size: int) -> Iterator[list[Row]]:
    return (found[start : start + size] for start in range(0, len(found), size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readings", type=Path)
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("--only", default="", help="repositories whose name has this text")
    parser.add_argument("--explain", action="store_true", help="say why, for each row")
    options = parser.parse_args()
    start = time.perf_counter()
    found = [
        row
        for repository in json.loads(options.readings.read_text())["repos"]
        if options.only in repository["repo"]
        for row in rows(git_directory(options.mirrors, repository["repo"]), repository)
    ]
    print("| repository | Dockerfile | target | code | version | readme |\n|---|---|---|---|---|---|")
    for pair in batched(found, len(EDITS)):
        print(f"| {' | '.join((*pair[0][:3], *map(cell, pair)))} |")
    print()
    for row in found:
        if options.explain or row.verdict != "agrees":
            print(f"- {remark(row)}")
    counts = Counter(row.verdict for row in found)
    unknown = sum(row.answer == "unknown" for row in found)
    print(f"\n{len(found)} questions: {dict(counts)}, {unknown} answered unknown, {time.perf_counter() - start:.1f} s")
    sys.exit(bool(counts["differs"]))


if __name__ == "__main__":
    main()
