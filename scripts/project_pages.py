"""The page of the public projects that were built, and the file of its rows."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HEAD = """\
# Public projects

`depsfirst build` on public projects as they are: none of their files was edited, and no table `[tool.depsfirst]` added.
Each was checked out at a commit and built by the embedded engine with the options of its row. Its image was run without
a network: the modules of its distribution were imported, its console scripts asked for `--help`, or the commands of its
row run. With a directory of git mirrors and a Docker (or podman, `--with podman`),

```console
$ python -m scripts.build_projects MIRRORS --write
```

does it again and writes this page. Only bases with Python 3.11 (`deb:bookworm`) and 3.13 (`deb:trixie`) were at hand.
"""


class Row(NamedTuple):
    """What came of a project; ``megabytes`` and ``layers`` are those above the base and its environment."""

    title: str
    commit: str
    lock: str = ""
    backend: str = ""
    layout: str = ""
    python: str = ""
    base: str = ""
    name: str = ""
    version: str = ""
    options: str = ""
    packages: int = 0
    layers: int = 0
    megabytes: float = 0.0
    imported: str = ""
    result: str = ""
    ran: str = ""
    reason: str = ""
    note: str = ""

    def __str__(self) -> str:
        facts = [self.lock, self.backend, self.layout, f"Python {self.python}" if self.python else "", self.options]
        size = f"{self.packages} packages, {self.layers} layers, {self.megabytes} MB" if self.layers else ""
        told = "; ".join(filter(None, [*facts, size, self.ran, self.reason]))
        return f"{self.result:<8} {self.title}: {told}"


def write(rows: Sequence[Row], order: Sequence[str], folder: Path) -> None:
    """Put rows in the place of those of the same title, and write the page of all that the list still has."""
    path = folder / "projects.json"
    known = {value["title"]: Row(**value) for value in json.loads(path.read_text())} if path.exists() else {}
    known |= {row.title: row for row in rows}
    kept = [known[title] for title in order if title in known]
    path.write_text(json.dumps([row._asdict() for row in kept], indent=1) + "\n")
    (folder / "projects.md").write_text(page(kept))


def page(rows: Sequence[Row]) -> str:
    """The page in Markdown."""
    running = [row for row in rows if row.result == "runs"]
    others = [row for row in rows if row.result != "runs"]
    locks = Counter(_kind(row.lock) for row in running)
    told = ", ".join(f"{count} {name}" for name, count in sorted(locks.items(), key=lambda each: (-each[1], each[0])))
    lines = [_HEAD, f"{len(rows)} projects, {len(running)} run ({told}).", "", *_running(running)]
    if others:
        lines += ["", "## Not built, or not running", "", *_others(others)]
    return "\n".join(lines) + "\n"


def _kind(lock: str) -> str:
    if lock == "none":
        return "without a lock"
    return "requirements" if ".txt" in lock else lock.partition(" ")[0]


def _running(rows: Sequence[Row]) -> list[str]:
    head = "| project | commit | lock | backend | layout | Python | options | packages | layers | MB | what was run |"
    lines = [head, "|---|---|---|---|---|---|---|---:|---:|---:|---|"]
    for row in rows:
        options = f"`{row.options}`" if row.options else ""
        cells = [row.title, row.commit[:10], row.lock, row.backend, row.layout, row.python, options]
        figures = [str(row.packages), str(row.layers), str(row.megabytes)]
        lines.append(_line([*cells, *figures, "; ".join(filter(None, [row.ran, row.note]))]))
    return lines


def _others(rows: Sequence[Row]) -> list[str]:
    lines = ["| project | commit | options | result | why |", "|---|---|---|---|---|"]
    for row in rows:
        options = f"`{row.options}`" if row.options else ""
        lines.append(
            _line([row.title, row.commit[:10], options, row.result, "; ".join(filter(None, [row.note, row.reason]))])
        )
    return lines


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(escaped)} |"
