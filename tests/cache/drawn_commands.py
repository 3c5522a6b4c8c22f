"""Draws RUN instructions: their commands, their forms and their mounts."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.cache.drawn_places import HEREDOCS, LINKS, known_files, pick_of_stage
from tests.cache.pairs import BASE, Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cache.drawn_places import Ground, Place

NOOPS = (
    "true",
    "echo hi",
    ":",
    'echo "a  b"',
    "echo a && echo b",
    "ls / > /dev/null",
    "echo $V1",
    "cd /tmp",
    "test -d /",
    "set -e; true",
    "echo one; echo two",
    "sh -c 'echo deep'",
    "printf 'no line feed'",
)
OPAQUE = (
    "tr a-z A-Z < {0} > {1}",
    "sort {0} > {1}",
    "wc -c < {0} > {1}",
    "sed s/1/9/ {0} > {1}",
    "head -n 1 {0} > {1}",
)


def new_path(ground: Ground, place: Place) -> str:
    """A path that a command may write."""
    name = f"o{ground.random.randrange(8)}"
    if not place.root:
        return f"/tmp/{name}"
    folders = [folder for folder in place.folders if folder not in {"/tmp", "/venv"}]
    if folders and ground.chance(0.4):
        return f"{ground.random.choice(folders)}/{name}".replace("//", "/")
    return f"/{name}"


def spoken(ground: Ground, place: Place, path: str) -> str:
    """A path as a command names it."""
    if place.cwd != "/" and path.startswith(f"{place.cwd}/") and ground.chance(0.6):
        return path.removeprefix(f"{place.cwd}/")
    return path


def quoted(path: str) -> str:
    """A path as a shell takes it."""
    return f"'{path}'" if " " in path else path


@dataclass(frozen=True)
class Command:
    """A shell command, the paths it writes, and those it needs."""

    text: str
    gives: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What a command is drawn for.

    Attributes:
        ground: what the stage is drawn on.
        place: where the command runs.
        extra: files that a mount provides.
        target: what it may write.
        above: the folder that this needs.
        known: files that it may read.
    """

    ground: Ground
    place: Place
    extra: tuple[str, ...]
    target: str
    above: tuple[str, ...]
    known: tuple[str, ...]


def draw_command(ground: Ground, place: Place, extra: tuple[str, ...] = ()) -> Command:
    """A command; ``extra`` are files that a mount provides."""
    kind = ground.random.choices(list(COMMANDS), [weight for _, weight in COMMANDS.values()])[0]
    if not place.root and kind not in {"echo", "clock"}:
        kind = "noop"
    target = new_path(ground, place)
    above = tuple(f"{folder}/" for folder in [posixpath.dirname(target)] if folder not in {"/", "/tmp"})
    known = [path for path in (*place.files, *extra) if place.root or path.startswith("/tmp/") or kind != "tree"]
    wish = Wish(ground, place, extra, target, above, tuple(known))
    return COMMANDS[kind][0](wish) or Command(ground.random.choice(NOOPS))


def _noop(_: Wish) -> Command | None:
    return None


def _copy(wish: Wish) -> Command | None:
    if not wish.known:
        return None
    ground, target = wish.ground, wish.target
    source = ground.random.choice(wish.extra if wish.extra and ground.chance(0.7) else wish.known)
    words = f"{quoted(spoken(ground, wish.place, source))} {spoken(ground, wish.place, target)}"
    gives = (target,) if target != source else ()
    needs = () if source in wish.extra else (source,)
    return Command(f"cp {words}" if gives else "true", gives, (*wish.above, *needs))


def _echo(wish: Wish) -> Command:
    random = wish.ground.random
    text = random.choice(("1", "2", "text", '"a b"', "$V1", "${V2:-none}"))
    sign = random.choice((">", ">", ">", ">>"))
    return Command(f"echo {text} {sign} {spoken(wish.ground, wish.place, wish.target)}", (wish.target,), wish.above)


def _folder(wish: Wish) -> Command:
    folder = f"{wish.target}d"
    return Command(f"mkdir -p {spoken(wish.ground, wish.place, folder)}", (f"{folder}/",))


def _clock(wish: Wish) -> Command:
    return Command(f"date +%N > {wish.target}", (wish.target,), wish.above)


def _tree(wish: Wish) -> Command | None:
    folders = [each for each in wish.place.folders if each not in {"/tmp", "/"}]
    if not folders or not wish.place.root:
        return None
    folder, target = wish.ground.random.choice(folders), f"/o{wish.ground.random.randrange(8)}t"
    if target == folder:
        return Command("true")
    return Command(f"rm -rf {target} && cp -r {folder} {target}", (f"{target}/",), (f"{folder}/",))


def _opaque(wish: Wish) -> Command | None:
    """What no model can know the outcome of."""
    if not wish.known:
        return None
    source, target = wish.ground.random.choice(wish.known), wish.target
    wish.place.doubtful.add(target)
    if source.endswith("run.sh") or wish.ground.chance(0.2):
        scripts = [path for path in wish.place.files if path.endswith("run.sh")]
        if scripts:
            return Command(f"sh {scripts[0]} {target}", (target,), (scripts[0], *wish.above))
    text = wish.ground.random.choice(OPAQUE).format(quoted(source), target)
    return Command(text, (target,), (source, *wish.above))


def _other(wish: Wish) -> Command | None:
    """What is used less, yet does what can be known."""
    if not wish.known or not wish.place.root:
        return None
    source, target = wish.ground.random.choice(wish.known), wish.target
    words = quoted(source)
    texts = (
        f"touch {target}",
        f"cat {words} > {target}",
        f"ln -sf {words} {target}",
        f"install -m 755 {words} {target}",
        f"printf '%s\\n' one two > {target}",
        f"rm -f {target} && echo again > {target}",
        f"echo x | tee {target}",
        f"(echo 1 && echo 2) > {target}",
        f"cp -p {words} {target}",
        f"if true; then echo yes > {target}; fi",
        f"cp {words} {target} && chmod 600 {target}",
        f"cat {words} {words} >> {target}",
    )
    if wish.ground.chance(0.1):
        text = f"mkdir -p {target}d && cp {words} {target}d/"
        return Command(text, (f"{target}d/{posixpath.basename(source)}",), (source, *wish.above))
    return Command(wish.ground.random.choice(texts), (target,), (source, *wish.above))


COMMANDS: dict[str, tuple[Callable[[Wish], Command | None], int]] = {
    "noop": (_noop, 26),
    "echo": (_echo, 16),
    "copy": (_copy, 26),
    "folder": (_folder, 7),
    "opaque": (_opaque, 3),
    "clock": (_clock, 4),
    "tree": (_tree, 6),
    "other": (_other, 10),
}
"""What draws a command of each kind, and how often it may."""


@dataclass(frozen=True)
class Mounts:
    """Flags of mounts, the files they bring into sight, and what they read, from where."""

    flags: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    origin: str = ""


def draw_run(ground: Ground, place: Place) -> Block | None:
    """RUN in one of its forms."""
    if place.scratch:
        return None
    random = ground.random
    mounts = draw_mounts(ground) if ground.chance(0.3) else Mounts()
    flags, extra = mounts.flags, mounts.extra
    if ground.version >= LINKS and ground.chance(0.06):
        flags = (*flags, f"--network={random.choice(('none', 'none', 'default'))}")
    if random.random() < 0.08:
        command = Command(random.choice(('["true"]', '["echo", "a", "b"]', '[ "/bin/sh","-c","echo hi" ]')))
    else:
        count = random.choice((1, 1, 1, 2, 3))
        command = _joined(ground, [draw_command(ground, place, extra) for _ in range(count)])
    if ground.version >= HEREDOCS and not command.text.startswith("[") and ground.chance(0.12):
        text = _document(ground, command.text, flags)
    else:
        head = " ".join(("RUN", *flags))
        text = f"{head} {command.text}"
    gives = tuple(path for path in command.gives if path not in extra)
    needs = tuple(path for path in command.needs if path not in command.gives)
    return Block("RUN", text, gives, needs, mounts.reads, mounts.origin)


def _joined(ground: Ground, commands: list[Command]) -> Command:
    glue = ground.random.choice((" && ", "; ", " && \\\n    ", " \\\n  && ", " && \\\n# why\n    ", " &&  "))
    gives = tuple(path for command in commands for path in command.gives)
    needs: list[str] = []
    for number, command in enumerate(commands):
        done = {path for earlier in commands[:number] for path in earlier.gives}
        needs += [path for path in command.needs if path not in done]
    return Command(glue.join(command.text for command in commands), gives, tuple(needs))


def _document(ground: Ground, command: str, flags: tuple[str, ...]) -> str:
    lines = command.replace(" && \\\n    ", "\n").replace(" && \\\n# why\n    ", "\n").replace(" \\\n  && ", "\n")
    head, end = " ".join(("RUN", *flags)), ground.random.choice(("E", "EOF"))
    form = ground.random.randrange(5)
    if form == 0:
        return f'{head} <<"{end}"\n{lines}\n{end}'
    if form == 1:
        indented = "\n".join(f"\t{line}" for line in lines.split("\n"))
        return f"{head} <<-{end}\n{indented}\n\t{end}"
    if form == 2:
        return f"{head} <<{end}\n#!/bin/sh\n{lines}\n{end}"
    if form == 3:
        return f"{head} cat > /doc <<{end}\n$V1 {end}x\n{end}"
    return f"{head} <<{end}\n# comment\n{lines}\n{end}"


def draw_mounts(ground: Ground) -> Mounts:
    """One mount or two."""
    kind = ground.random.choices(list(MOUNTS), [weight for _, weight in MOUNTS.values()])[0]
    mounts = MOUNTS[kind][0](ground) or _cache(ground)
    if kind != "cache" and ground.chance(0.3):
        mounts = replace(mounts, flags=(*mounts.flags, *_cache(ground).flags))
    return mounts


def _file_mount(ground: Ground) -> Mounts:
    path = ground.random.choice([path for path in known_files(ground.tree) if " " not in path])
    flag = f"--mount={ground.random.choice(('', 'type=bind,'))}source={path},target=/m/f"
    return Mounts((flag,), ("/m/f",), (path,))


def _folder_mount(ground: Ground) -> Mounts:
    path = ground.random.choice(("src", "src/app", "lib"))
    inside = [f"/m/{each[len(path) + 1 :]}" for each in known_files(ground.tree) if each.startswith(f"{path}/")]
    flag = f"--mount=type=bind,target=/m,src={path}{ground.random.choice(('', '', ',rw', '/'))}"
    return Mounts((flag,), tuple(inside), (path,))


def _whole_mount(ground: Ground) -> Mounts:
    files = tuple(f"/m/{each}" for each in ("a.txt", "b.txt") if each in ground.tree)
    return Mounts(("--mount=target=/m",), files)


def _stage_mount(ground: Ground) -> Mounts | None:
    found = pick_of_stage(ground)
    if not found:
        return None
    stage, path = found
    flag = f"--mount=from={stage},source={path},target=/m/s"
    if path.endswith("/") and ground.chance(0.3):
        more = ground.random.choice(("", ",id=one"))
        flag = f"--mount=type=cache,from={stage},source={path},target=/m/s{more}"
    return Mounts((flag,), () if path.endswith("/") else ("/m/s",), (path,), f"stage:{stage}")


def _secret(ground: Ground) -> Mounts | None:
    if not ground.secrets:
        return None
    return Mounts((f"--mount=type=secret,id=s{ground.random.choice(('', ',target=/s', ',mode=0444'))}",))


def _ssh(ground: Ground) -> Mounts:
    return Mounts((ground.random.choice(("--mount=type=ssh", "--mount=type=ssh,id=other")),))


def _image_mount(_: Ground) -> Mounts:
    return Mounts((f"--mount=from={BASE},source=/etc/apt,target=/m/apt",))


def _memory(_: Ground) -> Mounts:
    return Mounts(("--mount=type=tmpfs,target=/t",))


def _cache(ground: Ground) -> Mounts:
    options = ("", ",id=one", ",id=two", ",sharing=locked", ",sharing=shared", ",id=/c", ",uid=5", ",ro")
    return Mounts((f"--mount=type=cache,target=/c{ground.random.choice(options)}",))


MOUNTS: dict[str, tuple[Callable[[Ground], Mounts | None], int]] = {
    "file": (_file_mount, 6),
    "folder": (_folder_mount, 4),
    "all": (_whole_mount, 1),
    "stage": (_stage_mount, 4),
    "cache": (_cache, 5),
    "tmpfs": (_memory, 1),
    "secret": (_secret, 2),
    "ssh": (_ssh, 1),
    "image": (_image_mount, 1),
}
"""What draws a mount of each kind, and how often it may."""
