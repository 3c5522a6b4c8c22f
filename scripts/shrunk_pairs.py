"""Makes a pair of builds smaller as long as it shows the same mismatch, so that a person can read it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from tests.cache.pairs import Block, Pair, Project, Tree


def shrink(pair: Pair, shows: Callable[[Pair], bool], tries: int = 80) -> Pair:
    """The smallest pair found.

    Args:
        pair: it shows a mismatch.
        shows: whether another one does.
        tries: how many others are looked at.
    """
    start = 0
    while tries > 0:
        for number, smaller in enumerate(_smaller(pair)):
            if number < start:
                continue
            tries -= 1
            if tries < 0 or shows(smaller):
                break
        else:
            if not start:
                return pair
            start = 0
            continue
        if tries >= 0:
            pair, start = smaller, number
    return pair


def _smaller(pair: Pair) -> Iterator[Pair]:
    """Pairs with something less, much less first."""
    yield from _without_stages(pair)
    yield from _without_files(pair)
    yield from _without_blocks(pair)
    yield from _without_words(pair)


def _both(pair: Pair, change: Callable[[Project], Project]) -> Pair:
    return replace(pair, before=change(pair.before), after=change(pair.after))


def _without_stages(pair: Pair) -> Iterator[Pair]:
    froms = [block for block in pair.before.blocks if block.keyword == "FROM"]
    if len(froms) > 1:
        yield from (_both(pair, partial(_without_stage, origin=origin)) for origin in froms)


def _without_stage(project: Project, origin: Block) -> Project:
    kept: list[Block] = []
    inside = False
    for block in project.blocks:
        if block.keyword == "FROM":
            inside = block == origin
        if not inside:
            kept.append(block)
    return replace(project, blocks=tuple(kept))


def _without_files(pair: Pair) -> Iterator[Pair]:
    paths = sorted(pair.before.tree.keys() | pair.after.tree.keys())
    size = len(paths) // 2
    while size:
        for start in range(0, len(paths), size):
            yield _both(pair, partial(_without_paths, gone=frozenset(paths[start : start + size])))
        size //= 2
    before, after = pair.before.tree, pair.after.tree
    for path in paths:
        if before.get(path) != after.get(path):
            tree = _less(after, {path}) | ({path: before[path]} if path in before else {})
            yield replace(pair, after=replace(pair.after, tree=tree))


def _without_paths(project: Project, gone: frozenset[str]) -> Project:
    return replace(project, tree=_less(project.tree, gone))


def _less(tree: Tree, gone: AbstractSet[str]) -> Tree:
    return {path: node for path, node in tree.items() if path not in gone}


def _without_blocks(pair: Pair) -> Iterator[Pair]:
    for block in dict.fromkeys((*pair.before.blocks, *pair.after.blocks)):
        if block.keyword != "FROM" and not block.pinned:
            yield _both(pair, partial(_without_block, gone=block))
    if pair.before.blocks != pair.after.blocks:
        yield replace(pair, after=replace(pair.after, blocks=pair.before.blocks))


def _without_block(project: Project, gone: Block) -> Project:
    return replace(project, blocks=tuple(block for block in project.blocks if block != gone))


PLAIN: Mapping[str, Any] = {
    "contexts": {},
    "arguments": {},
    "target": None,
    "hosts": {},
    "ulimits": (),
    "newline": "\n",
    "network": "none",
    "dockerfile": "Dockerfile",
}
"""What a build is told where nothing is said."""


def _without_words(pair: Pair) -> Iterator[Pair]:
    for name, value in PLAIN.items():
        if getattr(pair.before, name) != value or getattr(pair.after, name) != value:
            yield _both(pair, partial(_with_word, word={name: value}))
            yield replace(pair, after=_with_word(pair.after, {name: getattr(pair.before, name)}))


def _with_word(project: Project, word: Mapping[str, Any]) -> Project:
    return replace(project, **word)
