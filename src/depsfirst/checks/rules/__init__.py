"""The table of rules: a module each, in the order in which they are asked and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.ignores import BAD_IGNORE, UNUSED_IGNORE
from depsfirst.checks.rules import git_in_context

if TYPE_CHECKING:
    from depsfirst.checks.model import Rule

FAMILIES = {
    "order": "what makes an edit install the dependencies again",
    "image": "what makes layers larger, or pushes and pulls them again",
    "installer": "how packages are fetched and installed",
    "context": "what is sent to the builder",
    "ignores": "comments that ignore findings",
}
"""What the rules of each family are about."""

RULES: tuple[Rule, ...] = (
    git_in_context.RULE,
    BAD_IGNORE,
    UNUSED_IGNORE,
)
