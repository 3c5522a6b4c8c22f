"""Edits projects: their contexts, their Dockerfiles, and what a build is told besides."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.cache.drawn_contexts import MARK, edit_tree
from tests.cache.drawn_faults import ground_at, has_fault
from tests.cache.drawn_instructions import NAMES, SHELLS, VALUES, draw_block
from tests.cache.drawn_places import LINKS
from tests.cache.pairs import BASE, NONCE, VARIANT, VARIANTS, Block, File, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.cache.drawn_places import Version

Edited = tuple[Project, str] | None
TRIES = 40


def draw_edits(random: Random, version: Version, project: Project) -> tuple[Project, tuple[str, ...]]:
    """The project after one to four edits or none, nearly always one that still builds."""
    if random.random() < 0.04:
        return project, ()
    count = random.choices((1, 2, 3, 4), (64, 20, 10, 6))[0]
    strict = random.random() < 0.97
    words: list[str] = []
    for _ in range(TRIES):
        edit = random.choices([edit for edit, _ in EDITS], [weight for _, weight in EDITS])[0]
        edited = edit(random, version, project)
        if edited is None or (strict and has_fault(edited[0]) and not has_fault(project)):
            continue
        project = edited[0]
        words.append(edited[1])
        if len(words) == count:
            break
    return project, tuple(words)


def _with(project: Project, blocks: list[Block]) -> Project:
    return replace(project, blocks=tuple(blocks))


def _movable(project: Project) -> list[int]:
    """Indices of instructions in stages that an edit may touch."""
    first = next(index for index, block in enumerate(project.blocks) if block.keyword == "FROM")
    return [
        index
        for index, block in enumerate(project.blocks)
        if index > first and block.keyword != "FROM" and not block.pinned
    ]


def _pick(random: Random, project: Project, *keywords: str) -> int | None:
    indices = [index for index in _movable(project) if not keywords or project.blocks[index].keyword in keywords]
    return random.choice(indices) if indices else None


def edit_context(random: Random, _: Version, project: Project) -> Edited:
    read = [path.strip("./") for block in project.blocks if not block.origin for path in block.reads]
    tree, words = edit_tree(random, project.tree, read)
    return replace(project, tree=tree), words


def edit_named(random: Random, _: Version, project: Project) -> Edited:
    if not project.contexts:
        return None
    name = random.choice(sorted(project.contexts))
    tree = dict(project.contexts[name])
    path = random.choice(sorted(tree))
    if random.random() < 0.2:
        tree["new.txt"] = File(b"new %s\n" % MARK)
    else:
        node = tree[path]
        assert isinstance(node, File)
        tree[path] = replace(node, content=node.content + b"x\n")
    return replace(project, contexts={**project.contexts, name: tree}), f"edit {path} in the context {name}"


def insert(random: Random, version: Version, project: Project) -> Edited:
    indices = [index + 1 for index in (*_movable(project), *_pinned(project))]
    index = random.choice(indices)
    ground, place = ground_at(random, version, project, index)
    block = draw_block(ground, place)
    blocks = list(project.blocks)
    blocks.insert(index, block)
    return _with(project, blocks), f"insert {block.keyword}"


def _pinned(project: Project) -> list[int]:
    return [index for index, block in enumerate(project.blocks) if block.pinned and block.keyword != "#"]


def delete(random: Random, _: Version, project: Project) -> Edited:
    index = _pick(random, project)
    if index is None:
        return None
    blocks = list(project.blocks)
    gone = blocks.pop(index)
    return _with(project, blocks), f"delete {gone.keyword}"


def swap(random: Random, _: Version, project: Project) -> Edited:
    index = _pick(random, project)
    if index is None or index + 1 not in _movable(project):
        return None
    blocks = list(project.blocks)
    blocks[index], blocks[index + 1] = blocks[index + 1], blocks[index]
    return _with(project, blocks), f"swap {blocks[index].keyword} and {blocks[index + 1].keyword}"


def redraw(random: Random, version: Version, project: Project) -> Edited:
    """Another instruction in the place of one."""
    index = _pick(random, project)
    if index is None:
        return None
    ground, place = ground_at(random, version, project, index)
    blocks = list(project.blocks)
    old, blocks[index] = blocks[index], draw_block(ground, place)
    return _with(project, blocks), f"replace {old.keyword} by {blocks[index].keyword}"


def _rewritten(project: Project, index: int | None, change: Callable[[str], str], words: str) -> Edited:
    if index is None or (text := change(project.blocks[index].text)) == project.blocks[index].text:
        return None
    blocks = list(project.blocks)
    blocks[index] = replace(blocks[index], text=text)
    return _with(project, blocks), words


def reword(random: Random, version: Version, project: Project) -> Edited:
    """A RUN in other words, which may or may not be the same to the builder."""
    index = _pick(random, project, "RUN")
    if index is None or "<<" in project.blocks[index].text or '["' in project.blocks[index].text:
        return _rewritten(project, index, lambda text: text.replace("echo", "echo -n"), "reword a heredoc")
    changes: tuple[Callable[[str], str], ...] = (
        lambda text: f"{text} # why",
        lambda text: text.replace("echo ", "echo  "),
        lambda text: text.replace(" && ", " && \\\n  "),
        lambda text: text.replace("\\\n", "\\\n# a comment\n\n"),
        lambda text: text.replace("\\\n", "\\  \n"),
        lambda text: text.replace("\\\n    ", "\\\n  "),
        lambda text: f"{text}  ",
        lambda text: f"  {text}",
        lambda text: text.replace("RUN ", "run   ", 1),
        lambda text: text.replace("RUN ", "RUN\t", 1),
        lambda text: f"{text} && true",
        lambda text: text.replace("echo 1", "echo 3").replace("echo text", "echo other"),
        lambda text: text.replace("RUN ", "RUN \\\n ", 1),
        lambda text: text.replace("/o1", "/o2"),
    )
    return _rewritten(project, index, random.choice(changes), "reword RUN")


def respell(random: Random, version: Version, project: Project) -> Edited:
    """A COPY or ADD spelt otherwise."""
    index = _pick(random, project, "COPY", "ADD")
    if index is None or "<<" in project.blocks[index].text:
        return _rewritten(project, index, lambda text: text.replace("two", "TWO"), "edit a heredoc of COPY")
    changes: tuple[Callable[[str], str], ...] = (
        lambda text: f"{text}/",
        lambda text: text.removesuffix("/"),
        lambda text: text.replace("COPY ", "copy   ", 1),
        lambda text: text.replace("COPY ", "ADD ", 1) if "--from" not in text else text,
        lambda text: text.replace("ADD ", "COPY ", 1),
        lambda text: re.sub(r"^(COPY|ADD) ", r"\1 --chown=0 ", text) if "--chown" not in text else text,
        lambda text: text.replace("--chown=0 ", "--chown=root "),
        lambda text: re.sub(r"--ch(own|mod)=\S+ ", "", text),
        lambda text: text.replace("--chmod=644", "--chmod=0644"),
        lambda text: re.sub(r" (a|b)\.txt ", r" ./\1.txt ", text),
        lambda text: text.replace("a.txt", "b.txt"),
        lambda text: text.replace(" --link ", " "),
        lambda text: text.replace("lib/p", "lib/q"),
        lambda text: text.replace(" src ", " src/ "),
        lambda text: text.replace("/f/", "/ff/"),
        _swapped_sources,
    )
    return _rewritten(project, index, random.choice(changes), "respell COPY")


def _swapped_sources(text: str) -> str:
    words = text.split()
    if len(words) < 4 or "--" in text or "[" in text:
        return text
    return " ".join((*words[:-3], words[-2], words[-3], words[-1]))


CACHE = "target=/c "
CACHE_OPTIONS = ("id=three", "id=/c", "sharing=locked", "sharing=shared", "mode=0700")


def remount(random: Random, _: Version, project: Project) -> Edited:
    """Another option of a mount."""
    indices = [index for index in _movable(project) if "--mount" in project.blocks[index].text]
    changes: tuple[Callable[[str], str], ...] = (
        lambda text: text.replace(CACHE, f"target=/c,{random.choice(CACHE_OPTIONS)} ") if CACHE in text else text,
        lambda text: re.sub(r",(id=\w+|sharing=\w+|rw|uid=5|mode=0444)", "", text, count=1),
        lambda text: text.replace("--mount=source", "--mount=type=bind,source"),
        lambda text: text.replace("type=bind,", "", 1),
        lambda text: text.replace("target=/m ", "target=/m,rw "),
        lambda text: re.sub(r"(--mount=\S+) (--mount=\S+)", r"\2 \1", text),
        lambda text: text.replace("target=/m", "dst=/m"),
        lambda text: re.sub(r"RUN --mount=type=(cache|tmpfs|ssh|secret)\S* ", "RUN ", text),
    )
    return _rewritten(project, random.choice(indices) if indices else None, random.choice(changes), "change a mount")


def revalue(random: Random, version: Version, project: Project) -> Edited:
    """Another value of a variable."""
    value = random.choice([value for value in VALUES if " " not in value])
    indices = [
        index
        for index, block in enumerate(project.blocks)
        if block.keyword in {"ENV", "ARG"} and "BASE" not in block.text
    ]
    index = random.choice(indices) if indices else None
    return _rewritten(
        project, index, lambda text: re.sub(r"(V\d)=\S*", rf"\1={value}", text, count=1), "change a value"
    )


def reshell(random: Random, _: Version, project: Project) -> Edited:
    index = _pick(random, project, "SHELL", "USER", "WORKDIR", "LABEL", "CMD", "EXPOSE", "VOLUME")
    keyword = "" if index is None else project.blocks[index].keyword
    others = {
        "SHELL": [f"SHELL {shell}" for shell in SHELLS],
        "USER": ["USER root", "USER 0", "USER 0:0"],
        "WORKDIR": ["WORKDIR /app", "WORKDIR /app/", "WORKDIR /w", "WORKDIR //app"],
        "LABEL": ["LABEL c=1", "LABEL a=9"],
        "CMD": ['CMD ["other"]'],
        "EXPOSE": ["EXPOSE 99"],
        "VOLUME": ["VOLUME /other"],
    }
    return _rewritten(project, index, lambda _: random.choice(others[keyword]), f"change {keyword}")


def annotate(random: Random, _: Version, project: Project) -> Edited:
    """Lines that say nothing."""
    blocks = list(project.blocks)
    index = random.randint(1 if blocks[0].pinned else 0, len(blocks))
    blocks.insert(index, Block("#", random.choice(("# a comment", "", "   # more", "\t"))))
    return _with(project, blocks), "insert a comment"


STEPLESS = (
    "LABEL new=1", 'CMD ["new"]', "EXPOSE 1234", "VOLUME /new", "STOPSIGNAL SIGTERM", "HEALTHCHECK NONE",
    "ARG TARGETPLATFORM", "ARG V1", "ARG NEW=1", "ARG NEW", "ENV NEW=1", "ONBUILD RUN false",
    'SHELL ["/bin/sh", "-c"]', "USER root", "WORKDIR /",
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ARG TARGETARCH", "MAINTAINER me", "ARG HTTP_PROXY", "ARG SOURCE_DATE_EPOCH",
)  # fmt: skip


def declare(random: Random, version: Version, project: Project) -> Edited:
    """What keeps no step of its own, put somewhere."""
    text = random.choice(STEPLESS)
    index = random.choice((*_movable(project), *_pinned(project))) + 1
    blocks = list(project.blocks)
    blocks.insert(index, Block(text.split()[0], text, cwd="/" if text == "WORKDIR /" else ""))
    return _with(project, blocks), f"insert {text}"


def rename_stage(random: Random, _: Version, project: Project) -> Edited:
    """A stage gets another name, everywhere."""
    names = [block.name for block in project.blocks if block.name]
    if not names:
        return None
    old = random.choice(names)
    new = f"{old}-new"
    pattern = re.compile(rf"(?i)(FROM |from=| AS ){re.escape(old)}(?=[\s,]|$)")
    blocks = [
        replace(
            block,
            text=pattern.sub(rf"\g<1>{new}", block.text) if block.keyword in {"FROM", "COPY", "RUN"} else block.text,
            name=new if block.name == old else block.name,
            base=f"stage:{new}" if block.base == f"stage:{old}" else block.base,
            origin=f"stage:{new}" if block.origin == f"stage:{old}" else block.origin,
        )
        for block in project.blocks
    ]
    target = new if project.target == old else project.target
    return replace(_with(project, blocks), target=target), f"rename the stage {old}"


def rebase(random: Random, _: Version, project: Project) -> Edited:
    """Another image below a stage, of the same layers or not."""
    froms = [index for index, block in enumerate(project.blocks) if block.base.startswith("image:")]
    if not froms:
        return None
    index = random.choice(froms)
    words = project.blocks[index].text.split()
    images = [BASE, "$BASE", *(f"{VARIANT}:{tag}" for tag in sorted(VARIANTS) if tag != "onbuild")]
    words[1] = random.choice([image for image in images if image != words[1]])
    blocks = list(project.blocks)
    blocks[index] = replace(blocks[index], text=" ".join(words), base=f"image:{words[1]}")
    return _with(project, blocks), f"FROM {words[1]}"


def unneeded_stage(random: Random, _: Version, project: Project) -> Edited:
    """A stage that nothing needs, above the others or between them."""
    froms = [index for index, block in enumerate(project.blocks) if block.keyword == "FROM"]
    if any(re.search(r"--from=\d", block.text) for block in project.blocks):
        froms = froms[-1:] if len(froms) == 1 else []
    if not froms:
        return None
    index = random.choice(froms)
    text = random.choice(("FROM no.example/x:1 AS unneeded", "FROM scratch AS unneeded", f"FROM {BASE}"))
    stage = [Block("FROM", text, base="image:"), Block("COPY", "COPY no/such /x"), Block("RUN", "RUN exit 1")]
    return _with(project, [*project.blocks[:index], *stage, *project.blocks[index:]]), "insert an unneeded stage"


def append_stage(random: Random, version: Version, project: Project) -> Edited:
    """A new last stage."""
    names = [block.name for block in project.blocks if block.name]
    base, origin = (random.choice(names), "stage:") if names and random.random() < 0.6 else (BASE, "image:")
    blocks = [Block("FROM", f"FROM {base} AS last", name="last", base=f"{origin}{base}")]
    if origin == "image:":
        blocks.append(Block("RUN", f"RUN echo {NONCE}-last > /nonce", pinned=True))
    if "last" in names:
        return None
    longer = _with(project, [*project.blocks, *blocks])
    ground, place = ground_at(random, version, longer, len(longer.blocks))
    return _with(project, [*longer.blocks, draw_block(ground, place)]), "append a stage"


def swap_stages(random: Random, _: Version, project: Project) -> Edited:
    """Two stages that do not need one another change places; the last one stays."""
    froms = [index for index, block in enumerate(project.blocks) if block.keyword == "FROM"]
    if len(froms) < 3 or any(re.search(r"--from=\d", block.text) for block in project.blocks):
        return None
    which = random.randrange(len(froms) - 2)
    one, two, end = froms[which : which + 3]
    blocks = project.blocks
    return _with(project, [*blocks[:one], *blocks[two:end], *blocks[one:two], *blocks[end:]]), "swap two stages"


def retarget(random: Random, _: Version, project: Project) -> Edited:
    names = [name for block in project.blocks if (name := block.name) != project.target]
    return (replace(project, target=random.choice(names) or None), "another target") if names else None


ARGUMENTS = (
    *NAMES[:2], *NAMES, "NEW", "MODE", "VERSION", "NOWHERE", "HTTP_PROXY", "no_proxy", "SOURCE_DATE_EPOCH",
    "BUILDKIT_INLINE_CACHE", "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_CACHE_MOUNT_NS",
)  # fmt: skip


def arguments(random: Random, version: Version, project: Project) -> Edited:
    """Another build argument, or one less."""
    given = dict(project.arguments)
    name = random.choice(ARGUMENTS)
    if name in given and random.random() < 0.4:
        del given[name]
        return replace(project, arguments=given), f"no build argument {name}"
    given[name] = random.choice([value for value in ("1", "2", "7") if value != given.get(name)])
    return replace(project, arguments=given), f"build argument {name}={given[name]}"


def surroundings(random: Random, version: Version, project: Project) -> Edited:
    """Another flag of the build."""
    kind = random.randrange(8)
    if kind < len(FLAGS) and (changed := FLAGS[kind](project)):
        return changed
    names = [block.name for block in project.blocks if block.name]
    if version >= LINKS and kind == 5:
        return replace(project, ulimits=() if project.ulimits else ("nofile=1000:1000",)), "another limit"
    if version >= LINKS and kind == 6 and names:
        return replace(project, no_cache_stages=(random.choice(names),)), "no cache for a stage"
    place = "Dockerfile" if project.dockerfile != "Dockerfile" else "other/Dockerfile"
    return replace(project, dockerfile=place), "the Dockerfile moves"


FLAGS: tuple[Callable[[Project], Edited], ...] = (
    lambda project: (replace(project, network="host" if project.network == "none" else "none"), "another network"),
    lambda project: (replace(project, no_cache=True), "no cache"),
    lambda project: (replace(project, hosts={"h": "1.2.3.5" if project.hosts else "1.2.3.4"}), "another host"),
    lambda project: (replace(project, newline="\r\n"), "other line ends"),
    lambda project: (replace(project, secrets={"s": "other"}), "another secret") if project.secrets else None,
)


EDITS: tuple[tuple[Callable[[Random, Version, Project], Edited], int], ...] = (
    (edit_context, 50),
    (edit_named, 12),
    (insert, 8),
    (delete, 5),
    (swap, 4),
    (redraw, 5),
    (reword, 7),
    (respell, 7),
    (remount, 5),
    (revalue, 6),
    (reshell, 4),
    (annotate, 4),
    (declare, 7),
    (rename_stage, 3),
    (rebase, 4),
    (unneeded_stage, 2),
    (append_stage, 2),
    (swap_stages, 2),
    (retarget, 2),
    (arguments, 8),
    (surroundings, 4),
)
"""What is done to a project, and how often."""
