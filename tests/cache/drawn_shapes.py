"""Dockerfiles of Python projects in the orders that people give them; commands without effect stand for slow ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.cache.drawn_contexts import MARK, draw_tree
from tests.cache.drawn_places import HEREDOCS, LINKS
from tests.cache.pairs import BASE, NONCE, Block, File, Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.cache.drawn_places import Version

Shape = tuple[tuple[Block, ...], Tree]

IGNORE = b".git\n**/__pycache__\n*.md\n!README.md\nDockerfile*\n.dockerignore\ntests\n"


def _blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a Dockerfile, one instruction to a line; a nonce begins each stage that names an image."""
    blocks: list[Block] = []
    for line in text.strip().splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword != "FROM":
            origin = f"stage:{found[1]}" if (found := re.search(r"--from=([\w-]+)", rest)) else ""
            gives = tuple(f"{path}/" for path in re.findall(r"(?:>|cp -r \S+|cp \S+|mkdir -p) (/\S+)", rest))
            reads = _reads(rest) if keyword == "COPY" else ()
            pinned = keyword == "WORKDIR"
            blocks.append(Block(keyword, line.strip(), gives, reads=reads, origin=origin, pinned=pinned))
            continue
        words = rest.split()
        name = words[2] if len(words) > 2 else ""
        inner = words[0] in {block.name for block in blocks}
        base = f"stage:{words[0]}" if inner else f"image:{words[0]}"
        blocks.append(Block("FROM", line.strip(), name=name, base=base))
        if not inner:
            blocks.append(Block("RUN", f"RUN echo {NONCE}-{len(blocks)} > /nonce", pinned=True))
    return tuple(blocks)


def _reads(rest: str) -> tuple[str, ...]:
    words = [word for word in rest.split() if not word.startswith("--")]
    return tuple(word for word in words[:-1] if "*" not in word)


def _tree(random: Random) -> Tree:
    tree = draw_tree(random)
    tree |= {"poetry.lock": File(b"one 1\n# %s\n" % MARK), "requirements.txt": File(b"one==1\n# %s\n" % MARK)}
    if random.random() < 0.6:
        tree[".dockerignore"] = File(IGNORE)
    return tree


def _install(random: Random, source: str) -> str:
    """What stands for an installation of third-party packages into /venv."""
    return random.choice(
        (
            f"mkdir -p /venv && cp {source} /venv/installed",
            f"mkdir -p /venv && cat {source} > /venv/installed && echo done",
            f"mkdir -p /venv/bin && cp {source} /venv/bin/installed && echo 1 > /venv/ok",
        )
    )


def everything_first(random: Random, _: Version) -> Shape:
    """The order that reinstalls at every edit."""
    text = f"""
    FROM {BASE}
    ENV PYTHONUNBUFFERED=1
    WORKDIR /app
    COPY . .
    RUN {_install(random, "requirements.txt")}
    EXPOSE 8000
    CMD ["python", "-m", "app"]
    """
    return _blocks(text), _tree(random)


def manifest_first(random: Random, _: Version) -> Shape:
    """Manifest and lock, the installation, then the code."""
    copy = random.choice(("COPY pyproject.toml poetry.lock ./", "COPY pyproject.toml poetry.lock* /app/"))
    text = f"""
    ARG BASE={BASE}
    FROM {BASE} AS base
    ARG VERSION=dev
    WORKDIR /app
    {copy}
    RUN {_install(random, "poetry.lock")}
    {random.choice(("COPY src ./src", "COPY src/ src/", "COPY . ."))}
    ENV VERSION=$VERSION
    RUN {random.choice(("true", "cp -r src/app /venv/app", "echo ready"))}
    USER root
    LABEL version=$VERSION
    """
    return _blocks(text), _tree(random)


def builder_and_final(random: Random, _: Version) -> Shape:
    """An environment made in one stage and copied to another."""
    noise = random.choice(("", " && date +%N > /build.log", " && touch /tmp/log"))
    text = f"""
    FROM {BASE} AS builder
    WORKDIR /build
    COPY pyproject.toml poetry.lock README.md ./
    RUN {_install(random, "poetry.lock")}{noise}
    COPY src src
    RUN {random.choice(("echo built > /tmp/wheel", "cp -r src/app /wheel", "true"))}
    FROM {BASE} AS final
    ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin
    COPY --from=builder /venv /venv
    WORKDIR /app
    COPY src/app app
    RUN {random.choice(("echo check", "true", "ls app"))}
    """
    return _blocks(text), _tree(random)


def recipe(random: Random, version: Version) -> Shape:
    """A stage exports the third-party set; the installation sees only that."""
    filter_ = random.choice(("cp poetry.lock /recipe.txt", "cat requirements.txt > /recipe.txt"))
    link = "--link " if version >= LINKS and random.random() < 0.5 else ""
    text = f"""
    FROM {BASE} AS recipe
    WORKDIR /recipe
    COPY pyproject.toml poetry.lock requirements.txt ./
    RUN {filter_}
    FROM {BASE} AS dependencies
    COPY --from=recipe /recipe.txt /recipe.txt
    RUN {_install(random, "/recipe.txt")}
    FROM {BASE} AS code
    WORKDIR /code
    COPY pyproject.toml README.md ./
    COPY src src
    RUN mkdir -p /out && cp -r src/app /out/app
    FROM {BASE}
    COPY {link}--from=dependencies /venv /venv
    COPY {link}--from=code /out /out
    RUN echo check
    """
    return _blocks(text), _tree(random)


def targets(random: Random, _: Version) -> Shape:
    """Stages for development and production upon a common one."""
    text = f"""
    ARG MODE=prod
    FROM {BASE} AS base
    ARG MODE
    WORKDIR /app
    COPY requirements.txt .
    RUN {_install(random, "requirements.txt")}
    FROM base AS dev
    ENV DEBUG=1
    RUN echo dev
    COPY . .
    FROM base AS prod
    COPY src src
    RUN echo $MODE
    FROM {random.choice(("prod", "dev"))}
    LABEL mode=$MODE
    RUN echo last
    """
    return _blocks(text), _tree(random)


def mounted(random: Random, version: Version) -> Shape:
    """Manifests are mounted, caches too."""
    body = "cp /tmp/lock /installed"
    run = f"--mount=type=cache,target=/root/.cache --mount=type=bind,source=poetry.lock,target=/tmp/lock {body}"
    text = f"""
    FROM {BASE} AS builder
    WORKDIR /app
    RUN {run}
    RUN --mount=type=bind,source=src,target=/app/src cp -r src/app /built
    FROM {BASE}
    COPY --from=builder /installed /installed
    RUN --mount=from=builder,source=/built,target=/built cp -r /built /app
    RUN true
    """
    blocks = _blocks(text)
    if version >= HEREDOCS:
        blocks = (*blocks, Block("RUN", "RUN <<EOF\nset -e\necho one\ntrue\nEOF"))
    return blocks, _tree(random)


SHAPES: tuple[Callable[[Random, Version], Shape], ...] = (
    everything_first,
    manifest_first,
    builder_and_final,
    recipe,
    targets,
    mounted,
)
