"""Counts what came of drawn pairs, and writes the figures into the documentation."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from depsfirst.cache.model import Status
from scripts.judged_pairs import Ending, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.cache.pairs import Pair

SHAPES = {
    "several stages": r"(?s)(^|\n)FROM .*\nFROM ",
    "FROM a stage": r"(?mi)^FROM (?!\S*[/:$]|scratch)",
    "FROM scratch": r"(?m)^FROM scratch",
    "FROM $ARGUMENT": r"(?m)^FROM \$",
    "RUN in exec form": r"(?m)^RUN (--\S+ )*\[",
    "RUN with a heredoc": r"(?m)^RUN .*<<",
    "continued lines": r"[\\`]\n",
    "COPY or ADD of a folder or file": r"(?mi)^\s*(COPY|ADD) ",
    "globs": r"(?m)^(COPY|ADD) [^\n]*[*?[]\S",
    "ADD": r"(?mi)^ADD ",
    "--from": r"--from=",
    "--chown": r"--chown",
    "--chmod": r"--chmod",
    "--link": r"--link",
    "COPY with a heredoc": r"(?m)^COPY .*<<",
    "bind mounts": r"--mount=(type=bind|source|target|from)",
    "cache mounts": r"type=cache",
    "secret and ssh mounts": r"type=(secret|ssh)",
    "tmpfs mounts": r"type=tmpfs",
    "ARG and ENV": r"(?m)^(ARG V|ENV )",
    "expansions": r"\$\{?\w+",
    "${X:-y} and its like": r"\$\{\w+[:#%/+-]",
    "WORKDIR": r"(?m)^WORKDIR",
    "USER": r"(?m)^USER",
    "SHELL": r"(?m)^SHELL",
    "ONBUILD": r"(?m)^ONBUILD|:onbuild",
    "escape directive": r"^# escape",
}
"""What a Dockerfile can have, and how it is told."""


@dataclass
class Figures:
    """Counts of one run.

    Attributes:
        doubted: mismatches that new builds of the same pair did not show again.
        endings: how many pairs ended how.
        steps: predicted status and whether the step ran, counted.
        unknown: why steps are unknown.
        failures: why pairs did not build.
        drawn: what Dockerfiles had.
        edits: what was edited.
        wrong_pairs: labels of the pairs that show something to mend.
    """

    release: str
    version: tuple[int, int]
    seed: int
    doubted: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    wrong_pairs: list[str] = field(default_factory=list)

    def add(self, pair: Pair, verdict: Verdict) -> None:
        """Count a pair."""
        self.endings[verdict.ending.value] += 1
        if verdict.wrong:
            self.wrong_pairs.append(pair.label)
        if verdict.ending is not Ending.COMPARED:
            self.failures[re.sub(r"\S*/\S+|\d+|\bn[0-9a-f]{16}\b|sha256:\S+|ref \S+", "…", verdict.words)[-90:]] += 1
            return
        for step in verdict.steps:
            self.steps[f"{step.predicted.value}, {'cached' if step.cached else 'ran'}"] += 1
            if step.predicted is Status.UNKNOWN:
                self.unknown[step.reasons[0].partition(":")[0] if step.reasons else "no reason"] += 1
        self.drawn.update(shapes(pair))
        self.edits.update(kinds(pair))

    @property
    def total(self) -> int:
        """All steps that were compared."""
        return self.steps.total()

    def count(self, predicted: Status, went: str) -> int:
        """Steps of which this was said, and which went so: ``ran`` or ``cached``."""
        return self.steps[f"{predicted.value}, {went}"]

    def table(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        unknown = self.count(Status.UNKNOWN, "ran") + self.count(Status.UNKNOWN, "cached")
        return {
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "docker": self.release,
            "buildkit": ".".join(map(str, self.version)),
            "seed": self.seed,
            "pairs": self.endings.total(),
            "compared": self.endings[Ending.COMPARED.value],
            "steps": self.total,
            "right cached": self.count(Status.CACHED, "cached"),
            "right reruns": self.count(Status.RERUNS, "ran"),
            "wrong cached": self.count(Status.CACHED, "ran"),
            "wrong reruns": self.count(Status.RERUNS, "cached"),
            "unknown": unknown,
            "unknown percent": round(100 * unknown / max(1, self.total), 2),
            "unknown by cause": dict(self.unknown.most_common()),
            "seen once only": self.doubted,
            "endings": dict(self.endings.most_common()),
            "drawn": dict(self.drawn.most_common()),
            "edits": dict(self.edits.most_common()),
        }

    def summary(self) -> str:
        """The most important figures in a line."""
        table = self.table()
        names = ("right cached", "right reruns", "wrong cached", "wrong reruns", "unknown")
        return f"{table['compared']} pairs, " + ", ".join(f"{table[name]} {name}" for name in names)

    def report(self) -> str:
        """All figures, for a terminal."""
        lines = [f"{name}: {value}" for name, value in self.table().items()]
        lines += [f"    {count} x {reason}" for reason, count in self.failures.most_common(20)]
        return "\n".join([*lines, f"to be mended: {', '.join(self.wrong_pairs) or 'nothing'}"])


def shapes(pair: Pair) -> set[str]:
    """What the Dockerfiles of a pair have."""
    texts = {pair.before.text("n"), pair.after.text("n")}
    return {name for name, pattern in SHAPES.items() if any(re.search(pattern, text) for text in texts)}


def kinds(pair: Pair) -> set[str]:
    """What was edited, without the names in it."""
    return {_kind(edit) for edit in pair.edits} or {"none"}


def _kind(edit: str) -> str:
    words = edit.split()
    if words[0] in {"edit", "write", "remove", "touch", "chown", "retarget", "mkdir", "link"}:
        return f"{words[0]} {'.dockerignore' if 'ignore' in edit else 'a path'}"
    if words[0] in {"build", "no"} and "build" in words:
        return "a build argument"
    if words[0] in {"replace", "swap", "delete"} and words[-1] != "stages":
        return f"{words[0]} an instruction"
    if words[1:2] == ["becomes"]:
        return "a file becomes another"
    fixed = {"FROM": "another base", "rename": "rename a path", "chmod": "chmod", "insert": "insert an instruction"}
    if "stage" in edit or "comment" in edit:
        return "rename a stage" if words[0] == "rename" else edit
    return fixed.get(words[0], edit)


def write(figures: Figures, store: str, folder: Path) -> None:
    """Put the figures of a run beside those of the other engines, as JSON and as a page."""
    path = folder / "predictions.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[store] = figures.table()
    path.write_text(json.dumps(known, indent=2, sort_keys=False) + "\n")
    (folder / "predictions.md").write_text(page(known))


ROWS = (
    "date", "docker", "buildkit", "seed", "pairs", "compared", "steps", "right cached", "right reruns",
    "wrong cached", "wrong reruns", "unknown", "unknown percent", "seen once only",
)  # fmt: skip

INTRODUCTION = """# How often the cache model is right

`depsfirst why` says of each step of a Dockerfile whether an edit makes it run again. `python3 -m scripts.predict` draws
projects and edits from a seed, builds each before and after the edit with a real BuildKit and compares every step. It
wrote this page, of its last runs. A step that the model calls `unknown` says why and counts as neither right nor wrong.
A pair that does not build is not compared: engine and model refuse it alike, or a command in it fails.

"""


def page(known: dict[str, dict[str, Any]]) -> str:
    """The page with the figures of all engines."""
    stores = sorted(known)
    lines = _table({row: [known[store].get(row, "") for store in stores] for row in ROWS}, stores)
    parts = ("unknown by cause", "endings", "drawn", "edits")
    titles = (
        "Unknown steps by cause",
        "What came of the pairs",
        "Pairs by what their Dockerfiles have",
        "Pairs by edit",
    )
    for part, title in zip(parts, titles, strict=True):
        names = dict.fromkeys(name for store in stores for name in known[store][part])
        rows = {name: [known[store][part].get(name, 0) for store in stores] for name in names}
        lines += ["", f"## {title}", "", *_table(rows, stores)]
    return INTRODUCTION + "\n".join(lines) + "\n"


def _table(rows: Mapping[str, Sequence[object]], heads: Sequence[str]) -> list[str]:
    """Lines of a table in Markdown."""
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    return lines + [f"| {_escaped(name)} | {' | '.join(map(str, values))} |" for name, values in rows.items()]


def _escaped(text: str) -> str:
    return f"`{text}`" if re.search(r"[$<*{]|--", text) else text
