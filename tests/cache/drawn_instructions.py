"""Draws the instructions of a stage, each fit for the place where it will stand."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tests.cache.drawn_commands import draw_run
from tests.cache.drawn_places import TRIMMING
from tests.cache.drawn_transfers import draw_copy, draw_copy_from, draw_copy_text
from tests.cache.pairs import Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cache.drawn_places import Ground, Place

NAMES = ("V1", "V2", "V3", "V4")
VALUES = ("1", "2", "x", "x.y.x", "a b", "", "/opt/v", "v-1")
EXPANSIONS = ("$V1", "${V2}", "${V1:-d}", "${V3:+set}", "${V4:-${V1}}", "p$V2/s", "\\$V1", "${V1}${V2}")
NEW_EXPANSIONS = ("${V1#x}", "${V1##*.}", "${V2%x}", "${V1%%.*}", "${V1/x/y}", "${V2//x/z}", "${V1-d}", "${V3+s}")


def draw_block(ground: Ground, place: Place) -> Block:
    """An instruction that fits."""
    while True:
        drawer = ground.random.choices([drawer for drawer, _ in DRAWERS], [weight for _, weight in DRAWERS])[0]
        if block := drawer(ground, place):
            return block


def draw_variable(ground: Ground, place: Place) -> Block:
    """ENV or ARG."""
    random = ground.random
    if ground.chance(0.08):
        keyword, value = random.choice(("ARG", "ENV")), random.choice(("0", "root", "0:0"))
        return Block(keyword, f"{keyword} U={value}", sets=(("U", value),))
    names = [random.choice(NAMES)] if ground.chance(0.8) else random.sample(NAMES, 2)
    pairs = [(name, draw_value(ground)) for name in names]
    if ground.chance(0.5):
        bare = ground.chance(0.3)
        words = [name if bare else f"{name}={value}" for name, value in pairs[:1]]
        return Block("ARG", f"ARG {' '.join(words)}", sets=tuple(pairs[:1]))
    if len(pairs) == 1 and pairs[0][1] and ground.chance(0.15):
        return Block("ENV", f"ENV {pairs[0][0]} {pairs[0][1]}", sets=tuple(pairs))
    return Block("ENV", f"ENV {' '.join(f'{name}={value}' for name, value in pairs)}", sets=tuple(pairs))


def draw_value(ground: Ground) -> str:
    """A value of a variable, as it is written."""
    random = ground.random
    if ground.chance(0.35):
        expansions = (*EXPANSIONS, *NEW_EXPANSIONS) if ground.version >= TRIMMING else EXPANSIONS
        return random.choice(expansions)
    value = random.choice(VALUES)
    if " " in value:
        return random.choice((f'"{value}"', f"'{value}'", value.replace(" ", "\\ ")))
    return f'"{value}"' if ground.chance(0.15) else value


def draw_workdir(ground: Ground, place: Place) -> Block:
    """WORKDIR."""
    path = ground.random.choice(("/app", "/app", "/w", "/w/", "/w/v", "v", "/", "/app/$V4", "${V3:-/app}", "./x/../v"))
    plain = path.replace("$V4", "").replace("${V3:-/app}", "/app")
    return Block("WORKDIR", f"WORKDIR {path}", cwd=posixpath.normpath(posixpath.join(place.cwd, plain)))


def draw_state(ground: Ground, place: Place) -> Block:
    """USER, SHELL, or what keeps no step."""
    random = ground.random
    texts = (
        ("USER", f"USER {random.choice(('0', '0:0') if place.scratch else USERS)}"),
        ("SHELL", f"SHELL {random.choice(SHELLS)}"),
        ("LABEL", f"LABEL a={random.choice('123')} b=$V1"),
        ("CMD", f'CMD ["echo", "{random.choice("123")}"]'),
        ("ENTRYPOINT", "ENTRYPOINT echo"),
        ("EXPOSE", f"EXPOSE 80{random.choice('123')}"),
        ("VOLUME", f"VOLUME /vol{random.choice('123')}"),
        ("STOPSIGNAL", "STOPSIGNAL SIGINT"),
        ("HEALTHCHECK", "HEALTHCHECK CMD true"),
        ("MAINTAINER", "MAINTAINER somebody"),
    )
    keyword, text = random.choices(texts, (5, 4, 3, 1, 1, 1, 1, 1, 1, 1))[0]
    return Block(keyword, text)


USERS = ("root", "0", "0:0", "root", "0", "${U:-0}", "daemon", "1000")
SHELLS = ('["/bin/sh", "-c"]', '["/bin/sh", "-ec"]', '["/bin/bash", "-c"]', '["/bin/bash","-o","pipefail","-c"]')


def draw_onbuild(ground: Ground, place: Place) -> Block | None:
    """ONBUILD, which tells in stages that start from this one."""
    triggers = (
        ("ENV OB=1", "LABEL ob=1", "ONLY")
        if place.scratch
        else ("RUN echo ob > /ob", "COPY a.txt /ob/", "ENV V1=ob", "WORKDIR /ob")
    )
    trigger = ground.random.choice(triggers)
    return (
        None
        if trigger == "ONLY"
        else Block("ONBUILD", f"ONBUILD {trigger}", reads=("a.txt",) if "a.txt" in trigger else ())
    )


DRAWERS: tuple[tuple[Callable[[Ground, Place], Block | None], int], ...] = (
    (draw_run, 34),
    (draw_copy, 28),
    (draw_copy_from, 18),
    (draw_copy_text, 3),
    (draw_variable, 12),
    (draw_workdir, 7),
    (draw_state, 9),
    (draw_onbuild, 1),
)
"""What draws an instruction, and how often it may."""
