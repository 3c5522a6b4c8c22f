"""What git ignores, as lines of a builder's ignore file: all of that, and nothing that git tracks. Pure.

The two languages differ in more than words. Git takes nothing back in below a directory that it ignores, a builder does
so. Of git's negations those that name one path are translated, each with what is left out below it once more. What the
others are for is found by what git tracks, and named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.generate.gitignore import fits, quoted, read_rules
from depsfirst.values import NamedTuple
from depsfirst.wheels.own.tree import directories_above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from depsfirst.dockerfile.ignore import Patterns
    from depsfirst.generate.gitignore import Rule, Source

_MOST_NAMED = 20
"""How many files that git tracks in spite of a rule are named; where there are more, the rule is not meant so."""
_FLOATING = re.compile(r"(?:.*/)?\*\*/([^/]+)")


class Unsent(NamedTuple):
    """What git ignores.

    Attributes:
        lines: of an ignore file, in their order.
        contradicted: rules that are not among them, as git tracks too many files that they fit, and how many.
    """

    lines: tuple[str, ...] = ()
    contradicted: tuple[tuple[str, int], ...] = ()


def unsent(
    sources: Sequence[Source], wanted: Iterable[str], others: str, is_directory: Callable[[str], bool]
) -> Unsent:
    """The lines that say what git ignores.

    Args:
        sources: files of rules, the highest directory first.
        wanted: files that are sent whatever the rules say, relative to the context.
        others: lines that follow in the ignore file, and leave out more.
        is_directory: whether a path below the context is a directory.
    """
    patterns = read_patterns(others)
    general = [pattern.text for pattern in patterns.patterns if not pattern.negated]
    rules = [rule for rule in _rules(sources, patterns) if not (rule.negated and patterns.ignores(rule.path or ""))]
    files = sorted(path for path in set(wanted) if not patterns.ignores(path))
    lost = _lost(_lines(rules, is_directory), files)
    contradicted = {rule: count for rule in rules if not rule.negated and (count := _count(rule, lost)) > _MOST_NAMED}
    lines = _lines([rule for rule in rules if rule not in contradicted], is_directory)
    lines = _once([line for line in lines if not any(_covers(each, line) for each in general)])
    return Unsent((*lines, *_named(lines, files)), tuple((rule.written, count) for rule, count in contradicted.items()))


def _once(lines: list[str]) -> list[str]:
    """The lines without those of a directory that hold everywhere, if the order of lines does not matter."""
    if any(line.startswith("!") for line in lines):
        return lines
    tails = [_FLOATING.fullmatch(line) for line in lines]
    return [
        line
        for line, tail in zip(lines, tails, strict=True)
        if not (tail and not line.startswith("**") and f"**/{tail[1]}" in lines)
    ]


def _rules(sources: Iterable[Source], others: Patterns) -> list[Rule]:
    """The rules of all files but those in directories that are left out: git does not read them, or need not."""
    rules: list[Rule] = []
    for source in sources:
        directories = [source.place, *directories_above(source.place)] if source.place else []
        if not any(others.ignores(each) or _is_ignored(rules, each) for each in directories):
            rules += read_rules(source)
    return rules


def _lines(rules: Sequence[Rule], is_directory: Callable[[str], bool]) -> list[str]:
    """The rules without the negations that are not translated; those that are come first, with what they belong to."""
    lines: dict[str, None] = {}
    for returning in sorted(_returning(rules, is_directory), key=lambda rule: str(rule.path).count("/")):
        path = str(returning.path)
        lines |= dict.fromkeys(_excluding(rule for rule in rules if rule.fits(path)))
        lines[f"!{path}/**" if returning.directory else f"!{path}"] = None
        if returning.directory or is_directory(path):
            tails = [_FLOATING.fullmatch(line) for line in lines if not line.startswith("!")]
            lines |= dict.fromkeys(f"{path}/**/{tail[1]}" for tail in tails if tail)
    return list(lines | dict.fromkeys(_excluding(rules)))


def _excluding(rules: Iterable[Rule]) -> list[str]:
    return [pattern for rule in rules if not rule.negated for pattern in rule.patterns]


def _returning(rules: Sequence[Rule], is_directory: Callable[[str], bool]) -> Iterator[Rule]:
    """Rules that take back in one path, where they do, and where a builder can be told so."""
    for rule in rules:
        path = rule.path
        if path is None or not rule.negated or _last(rules, path) != rule:
            continue
        fitting = [each for each in _excluding(rules) if fits(each, path)]
        deep = rule.directory or is_directory(path)
        told = not deep or all("**" not in each or _is_floating(each) for each in fitting)
        if fitting and told and not any(_is_ignored(rules, parent) for parent in directories_above(path)):
            yield rule


def _is_floating(pattern: str) -> bool:
    """Whether a pattern is a name that may stand in any directory."""
    return bool(_FLOATING.fullmatch(pattern)) and pattern.count("**") == 1


def _last(rules: Sequence[Rule], path: str) -> Rule | None:
    return next((rule for rule in reversed(rules) if rule.fits(path)), None)


def _is_ignored(rules: Sequence[Rule], directory: str) -> bool:
    rule = _last(rules, directory)
    return rule is not None and not rule.negated


def _lost(lines: Sequence[str], files: Sequence[str]) -> list[str]:
    patterns = read_patterns("\n".join(lines))
    return [path for path in files if patterns.ignores(path)]


def _count(rule: Rule, lost: Sequence[str]) -> int:
    """How many of the files that are lost one rule leaves out by itself."""
    alone = read_patterns("\n".join(rule.patterns))
    return sum(alone.ignores(path) for path in lost)


def _named(lines: Sequence[str], files: Sequence[str]) -> list[str]:
    """Lines that take back in the files that are lost.

    A builder looks for them into a directory that is left out, and is told of what else is in it: BuildKit before 0.10
    and podman ask whether ``**/name`` fits a path, and not whether it fits a directory above.
    """
    lost = _lost(lines, files)
    patterns = read_patterns("\n".join(lines))
    tops = dict.fromkeys(
        next((each for each in [*directories_above(path)][::-1] if patterns.ignores(each)), "") for path in lost
    )
    inside = [f"{quoted(top)}/*" for top in tops if top]
    return [*(line for line in inside if line not in lines), *(f"!{quoted(path)}" for path in lost)]


def _covers(general: str, line: str) -> bool:
    """Whether a pattern fits all that a line fits: the line's own wildcards are text to the other's ``*``."""
    body = line.removeprefix("**/")
    if general == line:
        return True
    if line.startswith("!") or "**" in body or (body != line and not general.startswith("**/")):
        return False
    return any(fits(general, each) for each in (body, *directories_above(body)))
