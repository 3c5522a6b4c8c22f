"""What there is to find: the list of rules, and the page of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from depsfirst.checks.rules import FAMILIES, every

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Rule


def as_list() -> str:
    """All rules by family, a line each."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    rules = every()
    width = max(len(rule.name) for rule in rules)
    for family, about in FAMILIES.items():
        yield f"{family}: {about}"
        yield from (f"  {rule.name:<{width}}  {rule.summary}" for rule in rules if rule.family == family)
        yield ""
    yield "`depsfirst rules NAME` explains one."


def as_json() -> str:
    """All rules for programs."""
    rules = [
        {
            "name": rule.name,
            "family": rule.family,
            "severity": rule.severity.value,
            "confidence": rule.confidence.value,
            "summary": rule.summary,
            "page": rule.page,
        }
        for rule in every()
    ]
    return json.dumps({"version": 1, "rules": rules}, indent=2)


def as_page(rule: Rule) -> str:
    """The page of one rule, in Markdown."""
    facts = f"Family `{rule.family}`, severity `{rule.severity.value}`, confidence `{rule.confidence.value}`."
    summary, _, rest = rule.page.strip().partition("\n")
    return f"# {rule.name}\n\n{summary}\n\n{facts}\n{rest}\n"
