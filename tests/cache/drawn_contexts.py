"""Draws build contexts and their ignore files, and edits them."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.cache.pairs import NONCE, File, Folder, Link, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

MARK = NONCE.encode()
"""In every file, so that none is like one of another pair: some copies stand on nothing else that would part them."""

TEXTS = ("a.txt", "b.txt", "c.md", "notes.md")
CODE = ("src/app/__init__.py", "src/app/main.py", "src/app/data/x.json", "src/app/data/deep/y.json", "src/run.sh")
MANIFESTS = ("pyproject.toml", "poetry.lock", "requirements.txt", "README.md", "VERSION")
OTHERS = (
    "conf/app.ini",
    "conf/dev.ini",
    "docs/index.md",
    "docs/a+b.txt",
    "tests/test_app.py",
    "build/out.bin",
    ".git/HEAD",
    ".env",
    "opt.cfg",
    "lib/p/a.txt",
    "lib/q/a.txt",
    "lib/q/z z.txt",
)

IGNORES = (
    ".git",
    "**/__pycache__",
    "*.md",
    "!README.md",
    "**/*.md",
    "docs",
    "docs/",
    "/docs",
    "./tests//",
    "tests/*",
    "build",
    "!build/out.bin",
    "Dockerfile*",
    ".dockerignore",
    "conf/*.ini",
    "!conf/app.ini",
    "**/deep",
    "lib/?/a.txt",
    "lib/[!q]*",
    "lib/[^q]",
    "src/app/data/**",
    "!src/app/data/x.json",
    "!**/x.json",
    "docs/a+b.txt",
    "**/data/*/y.json",
    "*/*/a.txt",
    "# docs",
    " # not a comment",
    "",
    "   .env   ",
    "**test_app.py",
    "a.txt/",
    "lib/../opt.cfg",
    "../b.txt",
    ".",
    "nothing/**/at/all",
    "\\!odd",
)
"""Lines of an ignore file; some say nothing, some depend on the BuildKit that reads them."""


def draw_tree(random: Random) -> Tree:
    """A context."""
    tree: Tree = {path: draw_file(random, path) for path in (*TEXTS, *CODE, *MANIFESTS)}
    for path in OTHERS:
        if random.random() < 0.7:
            tree[path] = draw_file(random, path)
    if random.random() < 0.6:
        tree["t.tar"] = File(archive(random.randrange(2), random.randrange(2)))
    if random.random() < 0.5:
        tree |= draw_links(random)
    if random.random() < 0.4:
        tree["empty"] = Folder()
    if random.random() < 0.2:
        tree["src/app"] = Folder(random.choice((0o755, 0o775, 0o700)))
    return tree


def draw_file(random: Random, path: str) -> File:
    """A file whose content fits its name."""
    number = random.randrange(4)
    if path.endswith(".sh"):
        return File(script(number), 0o755)
    if path == "pyproject.toml":
        return File(b'[project]\nname = "app"\nversion = "1.%d"\n# %s\n' % (number, MARK))
    if path in {"requirements.txt", "poetry.lock"}:
        return File(b"one==1.%d\ntwo==2.0\n# %s\n" % (number, MARK))
    return File(
        b"%d of %s %s\n" % (number, path.encode(), MARK), random.choice((0o644, 0o644, 0o644, 0o755, 0o664, 0o600))
    )


def script(number: int) -> bytes:
    """A script that writes a file whose name it is given, or nothing."""
    return b'#!/bin/sh\n# number %d of %s\nif [ -n "$1" ]; then echo made > "$1"; fi\n' % (number, MARK)


def draw_links(random: Random) -> Tree:
    """Symlinks of several kinds."""
    links: Tree = {
        "link": Link(random.choice(("a.txt", "./b.txt", "/a.txt", "lib/../a.txt", "conf"))),
        "dlink": Link(random.choice(("src", "src/app", "/src"))),
        "src/up": Link("../a.txt"),
        "src/app/dangling": Link("no/such/file"),
        "chain": Link("link"),
    }
    return {path: link for path, link in links.items() if random.random() < 0.8}


def archive(number: int, moment: int) -> bytes:
    """A tar with one file; the time in it is part of its bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        content = b"%d %s\n" % (number, MARK)
        entry = tarfile.TarInfo("inside.txt")
        entry.size, entry.mtime = len(content), moment
        tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def draw_ignore(random: Random) -> File:
    """An ignore file."""
    lines = [random.choice(IGNORES) for _ in range(random.randint(1, 5))]
    if random.random() < 0.2:
        lines = ["*", *(f"!{name}" for name in (*TEXTS, "src", *MANIFESTS, "lib", "conf/**", ".[a-z]*")), *lines]
    end = random.choice(("\n", "\n", "\r\n", ""))
    return File(("\n".join(lines) + end).encode())


def hidden(tree: Tree, dockerfile: str, path: str) -> bool:
    """Whether an ignore file leaves a path out, as nearly as a drawer of pairs that build has to know."""
    known = tree.get(f"{dockerfile}.dockerignore", tree.get(".dockerignore"))
    if not isinstance(known, File):
        return False
    parts = posixpath.normpath(f"/{path}")[1:].split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    left_out = False
    for line in known.content.decode().splitlines():
        pattern = line.strip()
        if pattern and not line.startswith("#"):
            again, pattern = pattern.startswith("!"), posixpath.normpath(f"/{pattern.removeprefix('!')}")[1:]
            if any(re.fullmatch(_expression(pattern), each) for each in above):
                left_out = not again
    return left_out


def _expression(pattern: str) -> str:
    marks = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = pattern.replace("[!", "[^")
    return "".join(
        marks.get(part) or (part if part.startswith("[") else re.escape(part))
        for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]*\]|.", pattern)
    )


def edit_tree(random: Random, tree: Tree, read: Sequence[str] = ()) -> tuple[Tree, str]:
    """Another tree, and what was done in words.

    Args:
        random: chance.
        tree: the context.
        read: paths that the Dockerfile names, of which one is edited more often than of others.
    """
    edit = random.choices([edit for edit, _ in EDITS], [weight for _, weight in EDITS])[0]
    files = [path for path in tree if path in read or any(path.startswith(f"{each}/") for each in read)]
    files = [path for path in files if isinstance(tree[path], File)]
    if edit in NARROW and files and random.random() < 0.6:
        return edit(random, dict(tree), random.choice(files))
    return edit(random, dict(tree), _file(random, tree))


def _file(random: Random, tree: Tree) -> str:
    """A path of a file, often one that Dockerfiles name."""
    files = [path for path, node in tree.items() if isinstance(node, File) and not path.endswith("ignore")]
    named = [path for path in files if path in {*TEXTS, *CODE, *MANIFESTS}]
    return random.choice(named if named and random.random() < 0.7 else files)


def _content(random: Random, tree: Tree, path: str) -> tuple[Tree, str]:
    file = tree[path]
    assert isinstance(file, File)
    if path.endswith(".tar"):
        content = archive(random.randrange(3), random.randrange(3))
    elif random.random() < 0.5:
        content = file.content.replace(b"0", b"7").replace(b"1", b"8").replace(b"2", b"9").replace(b"3", b"6")
    else:
        content = file.content + b"# more\n"
    tree[path] = replace(file, content=content)
    return tree, f"edit {path}"


def _manifest(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    """What a release, a new dependency, or a word in the read-me changes."""
    path = random.choice(
        [path for path in (*MANIFESTS, "src/app/main.py") if isinstance(tree.get(path), File)] or ["n"]
    )
    file = tree.get(path, File(b"%s\n" % MARK))
    assert isinstance(file, File)
    tree[path] = replace(file, content=file.content + b"# %d\n" % random.randrange(9))
    return tree, f"edit {path}"


def _mode(random: Random, tree: Tree, path: str) -> tuple[Tree, str]:
    file = tree[path]
    assert isinstance(file, File)
    mode = random.choice([mode for mode in (0o644, 0o755, 0o664, 0o600, 0o4755) if mode != file.mode])
    tree[path] = replace(file, mode=mode)
    return tree, f"chmod {mode:o} {path}"


def _folder_mode(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    path = random.choice(("src", "src/app", "lib", "conf", "empty"))
    known = tree.get(path, Folder())
    if not isinstance(known, Folder):
        return _touch(random, tree, _file(random, tree))
    tree[path] = Folder(random.choice([mode for mode in (0o755, 0o775, 0o700) if mode != known.mode]))
    return tree, f"chmod folder {path}"


def _touch(random: Random, tree: Tree, path: str) -> tuple[Tree, str]:
    file = tree[path]
    assert isinstance(file, File)
    tree[path] = replace(file, touched=file.touched + 1)
    return tree, f"touch {path}"


def _chown(random: Random, tree: Tree, path: str) -> tuple[Tree, str]:
    file = tree[path]
    assert isinstance(file, File)
    tree[path] = replace(file, owner=1000 - file.owner)
    return tree, f"chown {path}"


def _add(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    path = random.choice(
        ("new.txt", "src/new.py", "src/app/new.json", "docs/new.md", "lib/r/a.txt", "opt.cfg", "conf/new.ini", "zz")
    )
    if isinstance(tree.get(path.partition("/")[0]), Link):
        path = "new.txt"
    tree[path] = File(b"%d new %s\n" % (random.randrange(10), MARK))
    return tree, f"write {path}"


def _add_folder(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    path = random.choice(("src/hollow", "hollow", "conf/hollow"))
    tree[path] = Folder()
    return tree, f"mkdir {path}"


def _remove(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    paths = [path for path in tree if path not in {*TEXTS[:2], *MANIFESTS, "src/run.sh", "src/app/main.py"}]
    path = random.choice(paths or ["c.md"])
    tree.pop(path, None)
    return tree, f"remove {path}"


def _rename(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    path = random.choice([path for path in tree if path.startswith(("src/app/data", "docs", "lib", "conf", "c.md"))])
    new = path.replace(path.rpartition("/")[2], f"re{path.rpartition('/')[2]}")
    tree[new] = tree.pop(path)
    return tree, f"rename {path} to {new}"


def _move_folder(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    old = random.choice(("lib/p/", "lib/q/", "docs/"))
    new = f"{old[:-1]}2/"
    return {f"{new}{path[len(old) :]}" if path.startswith(old) else path: node for path, node in tree.items()}, (
        f"rename {old} to {new}"
    )


def _link(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    links = [path for path, node in tree.items() if isinstance(node, Link)]
    if not links:
        tree["src/extra"] = Link("app")
        return tree, "link src/extra"
    path = random.choice(links)
    if path == "link" and random.random() < 0.4:
        tree[path] = tree["a.txt"]
        return tree, f"replace {path} by the file a.txt"
    if path == "dlink":
        tree[path] = Link(random.choice(("src", "src/app", "/src/", "lib")))
    else:
        tree[path] = Link(random.choice(("a.txt", "b.txt", "/b.txt", "../b.txt", "c.md")))
    return tree, f"retarget {path}"


def _same(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    """Two files change places, or one becomes a copy of the other."""
    one, other = random.sample([path for path in TEXTS if path in tree], 2)
    tree[one], tree[other] = tree[other], random.choice((tree[one], tree[other]))
    return tree, f"{one} becomes {other}"


def _ignore(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    known = tree.get(".dockerignore")
    if not isinstance(known, File) or random.random() < 0.2:
        tree[".dockerignore"] = draw_ignore(random)
        return tree, "write .dockerignore"
    lines = known.content.decode().split("\n")
    if random.random() < 0.3:
        lines.pop(random.randrange(len(lines)))
    else:
        lines.insert(random.randint(0, len(lines)), random.choice(IGNORES))
    tree[".dockerignore"] = File("\n".join(lines).encode())
    return tree, "edit .dockerignore"


def _drop_ignore(_: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    tree.pop(".dockerignore", None)
    return tree, "remove .dockerignore"


def _own_ignore(random: Random, tree: Tree, _path: str) -> tuple[Tree, str]:
    tree["Dockerfile.dockerignore"] = random.choice((File(b""), draw_ignore(random)))
    return tree, "write Dockerfile.dockerignore"


EDITS: tuple[tuple[Callable[[Random, Tree, str], tuple[Tree, str]], int], ...] = (
    (_content, 30),
    (_manifest, 20),
    (_mode, 8),
    (_folder_mode, 3),
    (_touch, 4),
    (_chown, 3),
    (_add, 12),
    (_add_folder, 3),
    (_remove, 8),
    (_rename, 6),
    (_move_folder, 3),
    (_link, 6),
    (_same, 4),
    (_ignore, 10),
    (_drop_ignore, 2),
    (_own_ignore, 2),
)
"""What is done to a context, and how often."""

NARROW = frozenset({_content, _mode, _touch, _chown})
"""Those that edit the file they are given."""
