"""The table of rules: a module each, imported when it is asked, in the order in which they are asked and listed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

from depsfirst.checks import ignores

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


class Row(NamedTuple):
    """A rule of the table, which is imported when it is asked.

    Attributes:
        name: of the rule; that of its module has underscores for dashes.
        family: that it belongs to.
        words: one of which a Dockerfile has in lower case if there is anything to find; none if that cannot be told.
    """

    name: str
    family: str
    words: tuple[str, ...] = ()

    def may_find(self, text: str) -> bool:
        """Whether the text of a Dockerfile, in lower case, has what the rule looks for."""
        return not self.words or any(word in text for word in self.words)

    def load(self) -> Rule:
        """The rule itself."""
        return _loaded(self)


@cache
def _loaded(row: Row) -> Rule:
    if row.family == ignores.FAMILY:
        return {rule.name: rule for rule in (ignores.BAD_IGNORE, ignores.UNUSED_IGNORE)}[row.name]
    return cast("Rule", import_module(f"{__name__}.{row.name.replace('-', '_')}").RULE)


_PYTHON = ("python", "pip", "uv ", "/uv", "poetry", "pdm", "conda", "mamba", "pixi")
"""What a Dockerfile has that is about Python: what is said of images of others is not asked for."""

RULES: tuple[Row, ...] = (
    Row("code-before-dependencies", "order"),
    Row("project-with-dependencies", "order"),
    Row("source-before-dependencies", "order"),
    Row("context-bound-into-install", "order", ("--mount",)),
    Row("version-bump-reinstalls", "order"),
    Row("readme-reinstalls", "order"),
    Row("settings-reinstall", "order"),
    Row("dev-lock-reinstalls-production", "order"),
    Row("volatile-argument", "order", ("arg", "env")),
    Row("floating-base-tag", "image", _PYTHON),
    Row("unpinned-installer", "installer"),
    Row("cache-mount-disabled", "installer", ("--mount",)),
    Row("cache-mount-misplaced", "installer", ("--mount",)),
    Row("no-cache-mount", "installer"),
    Row("uv-link-mode", "installer", ("--mount",)),
    Row("stale-bind-mount", "installer", ("--mount",)),
    Row("apt-update-alone", "installer", ("apt",)),
    Row("system-packages-after-code", "order"),
    Row("frontend-after-code", "order", ("npm", "yarn", "bun", "npx", "deno", "make", ".sh")),
    Row("download-after-code", "order"),
    Row("unpinned-download", "installer", ("git", "curl", "wget", "make", ".sh")),
    Row("recursive-ownership", "image", ("chown", "chmod")),
    Row("environment-with-code", "image", ("--from",)),
    Row("heavy-with-small", "image", ("uv",)),
    Row("git-in-context", "context"),
    Row("generated-in-context", "context"),
    Row("missing-dockerignore", "context", _PYTHON),
    Row("dead-dockerignore", "context"),
    Row("ineffective-ignore-pattern", "context"),
    Row("bad-ignore", ignores.FAMILY),
    Row("unused-ignore", ignores.FAMILY),
)


def every() -> tuple[Rule, ...]:
    """All rules themselves, for those who list them."""
    return tuple(row.load() for row in RULES)
