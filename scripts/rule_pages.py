"""Writes a page for each rule of ``depsfirst check``, and their list, into ``docs/rules``, from the docstrings.

python -m scripts.rule_pages
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.checks.rules import FAMILIES, every
from depsfirst.reports.rules import as_page

if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = Path(__file__).parents[1] / "docs/rules"


def pages() -> dict[str, str]:
    """The text of each file, by name."""
    return {"README.md": "\n".join(_index()) + "\n", **{f"{rule.name}.md": as_page(rule) for rule in every()}}


def _index() -> Iterator[str]:
    yield "# Rules of `depsfirst check`"
    yield ""
    yield "`depsfirst rules` lists them, `depsfirst rules NAME` shows one of these pages."
    for family, about in FAMILIES.items():
        rules = [rule for rule in every() if rule.family == family]
        yield from (
            ["", f"## {family}: {about}", "", "| rule | severity | what it finds |", "|---|---|---|"] if rules else []
        )
        yield from (f"| [{rule.name}]({rule.name}.md) | {rule.severity.value} | {rule.summary} |" for rule in rules)


def main() -> None:
    """Write the files, and remove those of rules that are gone."""
    DIRECTORY.mkdir(exist_ok=True)
    wanted = pages()
    for path in DIRECTORY.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (DIRECTORY / name).write_text(text)


if __name__ == "__main__":
    main()
