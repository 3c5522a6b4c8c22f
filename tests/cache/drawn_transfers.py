"""Draws COPY and ADD: what they take, from where, and how they say it."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.cache.drawn_places import HEREDOCS, LINKS, known_files, pick_of_stage
from tests.cache.pairs import BASE, NONCE, Block, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cache.drawn_places import Ground, Place

GLOBS = (
    "*.txt", "*.md", "src/app/*.py", "src/*.sh", "lib/?/a.txt", "lib/*", "lib/*/a.txt", "[ab].txt", "c*", "*.none",
    "src/app/data/*", "poetry.lock*", "conf/[!d]*", "conf/*.ini",
)  # fmt: skip
NEW_GLOBS = (*GLOBS, "*/*.ini", "*/index.md", "dlin*", "dlink/*", "src/app/*")
"""The old builder fails where one of these meets a link to a file, and overlooks what is behind a link."""


def draw_copy(ground: Ground, place: Place) -> Block | None:
    """COPY or ADD from the context."""
    random = ground.random
    taken = draw_sources(ground)
    sources = taken.sources
    keyword = random.choices(("COPY", "ADD"), (8, 2))[0]
    many = len(sources) > 1 or any(mark in source for source in sources for mark in "*?[")
    destination = (
        random.choice(("/f/", "./", "/app/", "/app/x/", ".")) if many else draw_destination(ground, sources[0])
    )
    if destination == "." and place.cwd == "/":
        destination = "/all" + ("/" if many else "")
    flags = draw_flags(ground, place)
    if is_linked(flags):
        destination = f"/{NONCE}{posixpath.join(place.cwd, destination)}"
    absolute = posixpath.normpath(posixpath.join(place.cwd, destination))
    as_folder = many or destination.endswith(("/", "."))
    gives = tuple(
        f"{absolute}/{rest}".replace("//", "/") if rest and (as_folder or folder) else absolute
        for rest, folder in taken.inside
    )
    words = [*sources, destination]
    if any(" " in word for word in words) or ground.chance(0.1):
        text = f"{' '.join((keyword, *flags))} {json.dumps(words)}"
    else:
        text = " ".join((keyword, *flags, *words))
    return Block(keyword, text, gives, reads=taken.reads)


def draw_destination(ground: Ground, source: str) -> str:
    """Where one source goes."""
    name = source.rstrip("/.").rpartition("/")[2] or "all"
    name = "library" if name == "lib" else name  # where the base has a link
    return ground.random.choice((f"/f/{name}", "/f/", f"./{name}", "./", f"/app/{name}", f"{name}", "/app/$V1/", "/r"))


@dataclass(frozen=True)
class Taken:
    """Sources as they are written.

    Attributes:
        sources: of COPY or ADD.
        reads: paths that have to be there.
        inside: of each file what it is called below the destination, and whether it lies in a folder that is copied.
    """

    sources: tuple[str, ...]
    reads: tuple[str, ...] = ()
    inside: tuple[tuple[str, bool], ...] = ()


def draw_sources(ground: Ground) -> Taken:
    """Sources of a COPY or an ADD from the context."""
    form = ground.random.choices(list(SOURCES), [weight for _, weight in SOURCES.values()])[0]
    return SOURCES[form][0](ground) or _file(ground)


def _file(ground: Ground) -> Taken:
    random, files = ground.random, known_files(ground.tree)
    path = random.choice([path for path in files if path in {"a.txt", "b.txt", "requirements.txt"}] or files)
    path = path if ground.chance(0.5) else random.choice(files)
    source = f"{random.choice(('', '', '', './', '/', '../'))}{path}"
    return Taken((source,), (path,), ((path.rpartition("/")[2], False),))


def _files(ground: Ground) -> Taken:
    files = known_files(ground.tree)
    return _listed(ground, ground.random.sample(files, min(len(files), ground.random.randint(2, 3))))


def _repeated(ground: Ground) -> Taken:
    files = known_files(ground.tree)
    chosen = ground.random.sample(files, min(len(files), ground.random.randint(2, 3)))
    return _listed(ground, [*chosen, chosen[0]])


def _listed(ground: Ground, chosen: list[str]) -> Taken:
    sources = [*chosen, "opt.cf[g]"] if ground.chance(0.15) else chosen
    return Taken(tuple(sources), tuple(chosen), tuple((path.rpartition("/")[2], False) for path in chosen))


def _whole(ground: Ground) -> Taken:
    sure = {"a.txt", "b.txt", "src/app/main.py", "pyproject.toml"}
    inside = tuple((path, True) for path in known_files(ground.tree) if path in sure)
    return Taken((ground.random.choice((".", "./", "/")),), (), () if ".dockerignore" in ground.tree else inside)


def _folder(ground: Ground) -> Taken:
    random = ground.random
    path = random.choice(("src", "src/app", "lib", "conf", "docs", "tests"))
    inside = tuple((each[len(path) + 1 :], True) for each in known_files(ground.tree) if each.startswith(f"{path}/"))
    source = f"{random.choice(('', '', './', '/'))}{path}{random.choice(('', '', '/', '/.'))}"
    return Taken((source,), (path,), inside)


def _glob(ground: Ground) -> Taken:
    return Taken((ground.random.choice(NEW_GLOBS if ground.version >= LINKS else GLOBS),))


def _link(ground: Ground) -> Taken | None:
    links = [path for path in ("link", "dlink", "chain") if isinstance(ground.tree.get(path), Link)]
    links = [path for path in ground.tree if path in links and (path != "chain" or "link" in ground.tree)]
    return Taken((link := ground.random.choice(links),), (link,)) if links else None


def _archive(ground: Ground) -> Taken | None:
    return Taken(("t.tar",), ("t.tar",)) if "t.tar" in ground.tree else None


SOURCES: dict[str, tuple[Callable[[Ground], Taken | None], int]] = {
    "file": (_file, 30),
    "files": (_files, 15),
    "folder": (_folder, 18),
    "all": (_whole, 6),
    "glob": (_glob, 14),
    "link": (_link, 6),
    "tar": (_archive, 5),
    "repeat": (_repeated, 2),
}
"""What draws sources of each kind, and how often it may."""


def draw_flags(ground: Ground, place: Place) -> list[str]:
    """Flags that any COPY or ADD can have."""
    flags: list[str] = []
    owners = ("0", "0:0", "1", "1:1") if place.scratch else ("0", "root", "0:0", "1", "1:1", "daemon", "${U:-0}")
    if ground.chance(0.12):
        flags.append(f"--chown={ground.random.choice(owners)}")
    if ground.chance(0.08):
        flags.append(f"--chmod={ground.random.choice(('644', '0644', '755', '600'))}")
    elif ground.version >= LINKS and ground.chance(0.12):
        flags.append(ground.random.choice(("--link", "--link", "--link=false", "--link=true")))
    ground.random.shuffle(flags)
    return flags


def is_linked(flags: list[str]) -> bool:
    """Whether the files stand on nothing but themselves, so that any other pair's are the same to a builder."""
    return "--link" in flags or "--link=true" in flags


def draw_copy_from(ground: Ground, place: Place) -> Block | None:
    """COPY from another stage, a named context or an image."""
    random = ground.random
    kind = random.choices(("stage", "context", "image"), (20, 5, 2))[0]
    if kind == "context" and ground.contexts:
        name = random.choice(sorted(ground.contexts))
        path = random.choice([*known_files(ground.contexts[name]), "."])
        return Block("COPY", f"COPY --from={name} {path} /n/", (), reads=(path,), origin=f"context:{name}")
    if kind == "image":
        path = random.choice(("/etc/debian_version", "/etc/apt", "/etc/pass*"))
        return Block("COPY", f"COPY --from={BASE} {path} /image/", ("/image/",), origin=f"image:{BASE}")
    found = pick_of_stage(ground)
    if not found:
        return None
    stage, path = found
    spelled = _spelled(ground, stage)
    text, wild = path.rstrip("/"), False
    name = text.rpartition("/")[2].replace("lib", "library")
    if path.endswith("/"):
        wild = ground.chance(0.2)
        text = f"{text}/*" if wild else text
    destination = random.choice((f"/g/{name}", "/g/", f"./{name}", f"/{name}")) if not wild else "/g/"
    flags = draw_flags(ground, place)
    if is_linked(flags):
        destination = f"/{NONCE}{posixpath.join(place.cwd, destination)}"
    absolute = posixpath.normpath(posixpath.join(place.cwd, destination))
    target = f"{absolute}/{name}" if destination.endswith("/") and not path.endswith("/") else absolute
    gives = (f"{target}/",) if path.endswith("/") else (target,)
    if " " in text:
        return None
    line = " ".join(("COPY", f"--from={spelled}", *flags, text, destination))
    return Block("COPY", line, gives, reads=(path,), origin=f"stage:{stage}")


def _spelled(ground: Ground, stage: str) -> str:
    """A stage by name, in letters of any size, or by number."""
    number = [name for name, _ in ground.stages].index(stage)
    return ground.random.choice((stage, stage, stage, stage.upper(), str(number)))


def draw_copy_text(ground: Ground, place: Place) -> Block | None:
    """COPY of a heredoc."""
    if ground.version < HEREDOCS:
        return None
    end = ground.random.choice(("E", "EOF", "conf.txt"))
    opener = ground.random.choice((f"<<{end}", f'<<"{end}"', f"<<-{end}"))
    body = ground.random.choice(("one\n$V1", "two", "\tthree ${V2:-x}"))
    absolute = ground.random.choice(("/h", "/h2"))
    return Block("COPY", f"COPY {opener} {absolute}\n{body}\n{end}", (absolute,))
