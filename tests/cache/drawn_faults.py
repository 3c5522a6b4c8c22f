"""Says whether a drawn project lacks what its instructions need, and on what an instruction is drawn in its midst."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cache.drawn_contexts import hidden
from tests.cache.drawn_places import Ground, Place

if TYPE_CHECKING:
    from random import Random

    from tests.cache.drawn_places import Version
    from tests.cache.pairs import Block, Project, Tree


def has_fault(project: Project) -> bool:
    """Whether something is missing that an instruction needs, as far as the drawer knows."""
    ends: dict[str, Place] = {}
    place = Place()
    name = ""
    for block in project.blocks:
        if block.keyword == "FROM":
            if name:
                ends[name] = place
            name = block.name
            if block.base.startswith("stage:") and block.base[6:] not in ends:
                return True
            place = _begin(block, ends)
        elif (
            any(not _is_there(place, path) for path in block.needs)
            or _lacks(project, ends, block)
            or (
                block.keyword == "RUN"
                and not place.root
                and any(not each.startswith("/tmp/") for each in _wanted(block))
            )
        ):
            return True
        place.advance(block)
    return bool(project.target and project.target not in {block.name for block in project.blocks})


def _wanted(block: Block) -> tuple[str, ...]:
    """What only root may write, or perhaps read."""
    return (*block.gives, *block.needs, *block.reads)


def _begin(block: Block, ends: dict[str, Place]) -> Place:
    if block.base.startswith("stage:"):
        return ends[block.base[6:]].copy()
    place = Place(scratch=block.base == "scratch")
    if block.base.endswith(":onbuild"):
        place.files |= {"/ob/a.txt": None, "/ob/made": None}
    if block.base.endswith(":layer"):
        place.files["/base-layer"] = None
    return place


def _is_there(place: Place, path: str) -> bool:
    return path in place.files or path.rstrip("/") in place.folders


def _lacks(project: Project, ends: dict[str, Place], block: Block) -> bool:
    kind, _, name = block.origin.partition(":")
    if kind == "stage":
        end = ends.get(name)
        return end is None or any(not _is_there(end, path) for path in block.reads)
    if kind == "image":
        return False
    tree = project.contexts.get(name) if kind == "context" else project.tree
    paths = [path.strip("./") for path in block.reads if path.strip("./")]
    dockerfile = project.dockerfile if tree is project.tree else ""
    return tree is None or any(not _is_sent(tree, dockerfile, path) for path in paths)


def _is_sent(tree: Tree, dockerfile: str, path: str) -> bool:
    there = path in tree or any(other.startswith(f"{path}/") for other in tree)
    return there and not hidden(tree, dockerfile, path)


def ground_at(random: Random, version: Version, project: Project, index: int) -> tuple[Ground, Place]:
    """What an instruction is drawn on that is to stand before the block of this index."""
    ends: dict[str, Place] = {}
    stages: list[tuple[str, Place]] = []
    name, place = "", Place()
    for block in project.blocks[:index]:
        if block.keyword == "FROM":
            name, place = block.name, _begin(block, ends)
            stages.append((name, place))
        place.advance(block)
        if name:
            ends[name] = place
    ground = Ground(random, version, project.tree, project.contexts, stages[:-1], secrets=bool(project.secrets))
    return ground, place
