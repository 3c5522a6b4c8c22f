"""Draws pairs of builds from a seed: projects of many shapes, and edits of every kind."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.cache.drawn_contexts import MARK, draw_ignore, draw_tree
from tests.cache.drawn_edits import draw_edits
from tests.cache.drawn_exports import draw_exported, edit_exported
from tests.cache.drawn_faults import has_fault
from tests.cache.drawn_instructions import draw_block
from tests.cache.drawn_places import LINKS, Ground, Place, Version
from tests.cache.drawn_shapes import SHAPES
from tests.cache.pairs import BASE, NONCE, VARIANT, VARIANTS, Block, File, Pair, Project, Tree

SHAPED = 0.3
"""How many of the projects are like those that people have."""

EXPORTED = 0.03
"""How many have an exporter, of which the model knows what it reads."""


def draw(seed: int, index: int, version: Version) -> Pair:
    """The pair of this number; it depends on the three arguments alone.

    Args:
        seed: of the whole run.
        index: of the pair, from 0.
        version: the BuildKit that will build, which is not given what it does not know.
    """
    random = Random(f"{seed} {index} {version}")
    if Random(f"{seed} {index} {version} exports").random() < EXPORTED:
        before = draw_exported(random)
        return Pair(f"{seed}-{index}", before, *edit_exported(random, before))
    drawer = draw_shape if random.random() < SHAPED else draw_project
    before = drawer(random, version)
    while has_fault(before):
        before = drawer(random, version)
    after, edits = draw_edits(random, version, before)
    return Pair(f"{seed}-{index}", before, after, edits)


def draw_shape(random: Random, version: Version) -> Project:
    """A project like those that people have."""
    blocks, tree = random.choice(SHAPES)(random, version)
    return replace(draw_surroundings(random, version, blocks, tree), contexts={})


def draw_project(random: Random, version: Version) -> Project:
    """A project of stages that are drawn instruction by instruction."""
    tree = draw_tree(random)
    if random.random() < 0.45:
        tree[".dockerignore"] = draw_ignore(random)
    contexts: dict[str, Tree] = {}
    if version >= LINKS and random.random() < 0.15:
        contexts["nc"] = {
            "x.txt": File(b"1 %s\n" % MARK),
            "d/y.txt": File(b"2 %s\n" % MARK),
            "d/z.md": File(b"3 %s\n" % MARK),
        }
        if random.random() < 0.3:
            contexts["nc"][".dockerignore"] = File(b"**/*.md\n")
    ground = Ground(random, version, tree, contexts, secrets=True)
    blocks = draw_head(ground)
    for number in range(random.choices((1, 2, 3, 4), (30, 40, 20, 10))[0]):
        blocks += draw_stage(ground, number)
    return draw_surroundings(random, version, tuple(blocks), tree, contexts)


def draw_surroundings(
    random: Random, version: Version, blocks: tuple[Block, ...], tree: Tree, contexts: dict[str, Tree] | None = None
) -> Project:
    """What a build is told besides."""
    names = [block.name for block in blocks if block.name]
    arguments = {name: random.choice("12x") for name in ("V1", "V2", "NOWHERE") if random.random() < 0.15}
    place = "docker/app.Dockerfile" if random.random() < 0.06 else "Dockerfile"
    if place != "Dockerfile" and random.random() < 0.5:
        tree[f"{place}.dockerignore"] = draw_ignore(random)
    return Project(
        blocks,
        tree,
        contexts or {},
        arguments,
        target=random.choice(names) if names and random.random() < 0.15 else None,
        dockerfile=place,
        newline="\r\n" if random.random() < 0.04 and not any("<<" in block.text for block in blocks) else "\n",
        network="host" if random.random() < 0.05 else "none",
        secrets={"s": "secret"} if any("type=secret" in block.text for block in blocks) else {},
    )


def draw_head(ground: Ground) -> list[Block]:
    """What stands before the first FROM."""
    blocks = [Block("ARG", f"ARG BASE={BASE}")]
    if ground.chance(0.25):
        blocks.append(Block("ARG", f"ARG V1={ground.random.choice(('1', 'x.y', '${V2:-g}'))}"))
    if ground.chance(0.1):
        blocks.insert(0, Block("#", "# a comment"))
    if ground.chance(0.04):
        blocks.insert(0, Block("#", "# escape=`", pinned=True))
    return blocks


def draw_stage(ground: Ground, number: int) -> list[Block]:
    """A stage; it is added to the ground's."""
    origin, place = draw_from(ground, number)
    blocks = [origin]
    if not origin.base.startswith("stage:"):
        text = f"WORKDIR /{NONCE}-{number}" if place.scratch else f"RUN echo {NONCE}-{number} > /nonce"
        blocks.append(Block(text.split(maxsplit=1)[0], text, pinned=True))
        if place.scratch:
            blocks.append(Block("WORKDIR", "WORKDIR /"))
    for block in blocks:
        place.advance(block)
    for _ in range(ground.random.randint(2, 7)):
        blocks.append(draw_block(ground, place))
        place.advance(blocks[-1])
    if ground.chance(0.3):
        again = draw_block(ground, place)
        blocks.append(again)
        place.advance(again)
    ground.stages.append((origin.name, place))
    return blocks


def draw_from(ground: Ground, number: int) -> tuple[Block, Place]:
    """A FROM, and the place behind it."""
    random = ground.random
    name = random.choice((f"s{number}", f"s{number}", f"S{number}", f"build-{number}.x", ""))
    stage = f" {random.choice(('AS', 'AS', 'as'))} {name}" if name else ""
    name = name.lower()
    above = [(known, place) for known, place in ground.stages if known]
    kind = random.choices(("image", "variant", "argument", "stage", "scratch"), (52, 12, 10, 22, 6))[0]
    if kind == "stage" and above:
        known, place = random.choice(above)
        return Block("FROM", f"FROM {known}{stage}", name=name, base=f"stage:{known}"), place.copy()
    if kind == "scratch":
        return Block("FROM", f"FROM scratch{stage}", name=name, base="scratch"), Place(scratch=True)
    image = BASE
    if kind == "variant":
        image = f"{VARIANT}:{random.choice(sorted(VARIANTS))}"
    elif kind == "argument":
        image = random.choice(("$BASE", "${BASE}", "${NOTHING:-$BASE}"))
    if ground.chance(0.06):
        image = f"--platform={random.choice(('$BUILDPLATFORM', 'linux/amd64', '${TARGETPLATFORM}'))} {image}"
    place = Place()
    if image.endswith(":onbuild"):
        place.files |= {"/ob/a.txt": None, "/ob/made": None}
    if image.endswith(":workdir"):
        place.cwd = "/srv/base"
    if image.endswith(":layer"):
        place.files["/base-layer"] = None
    return Block("FROM", f"FROM {image}{stage}", name=name, base=f"image:{image}"), place
