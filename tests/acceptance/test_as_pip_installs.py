"""The file system of an image is what pip makes of the same lock in the same base."""

from __future__ import annotations

import ast
import csv
import email
import hashlib
import json
import os
import posixpath
import shlex
import tarfile
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.acceptance import projects
from tests.acceptance.images import Entry, Tree, below, read_image
from tests.conftest import program, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.product import Made, Product

pytestmark = [pytest.mark.index, pytest.mark.docker, pytest.mark.slow]

BASE = "localbase:1"
VENV = "opt/venv"

DEPENDENCIES = (
    "alembic",  # templates as data, a script
    "greenlet",  # headers
    "httpx",
    "jinja2",
    "numpy",  # shared libraries of its own, scripts
    "orjson",  # compiled, with no Python of its own
    "pyyaml",
    "rich",
    "ruamel.yaml",  # a name with a dot
    "sqlalchemy",
    "tabulate",
    "uvicorn",
    "wcwidth",
    "zope.event",  # two of one namespace package
    "zope.interface",
)

SETUP = """
[tool.setuptools]
script-files = ["tools/count-shop"]
include-package-data = true

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
shop = ["*.txt"]

[tool.setuptools.data-files]
"share/shop" = ["share/prices.csv"]
"etc/shop" = ["share/shop.conf"]
"""

MORE_FILES = {
    "tools/count-shop": "#!/usr/bin/env python\nimport shop.cli\nprint('counted')\n",
    "share/prices.csv": "apple,1\n",
    "share/shop.conf": "open = true\n",
    "src/shop/déjà vu.txt": "again\n",
}

ALLOWED = {
    "INSTALLER": "names who installed",
    "RECORD": "lists INSTALLER and REQUESTED and their hashes",
    "REQUESTED": "pip marks what was named on its command line, and it was given all names",
    "direct_url.json": "pip was given the project's wheel as a file",
}
"""Files of a .dist-info directory that may differ or be on one side alone, and why."""

NOT_COMPARED = {
    "pyvenv.cfg": "says which command made the environment",
    "bin/activate": "is for shells; an image has PATH",
    "bin/activate.csh": "the same",
    "bin/activate.fish": "the same",
    "bin/Activate.ps1": "the same",
    ".gitignore": "newer venvs write one",
    "bin/python": "a link to the base's interpreter, by way of which others is open; tested on its own",
    "bin/python3": "the same",
    "bin/python3.11": "the same",
    "lib64": "a link to lib that venv makes for systems whose Python installs into lib64",
}

LISTING = """
import importlib.metadata as metadata, json
own = [d for d in metadata.distributions() if d.metadata["Name"] not in ("pip", "setuptools")]
print(json.dumps({
    "distributions": sorted((d.metadata["Name"], d.version, sorted(map(str, d.requires or ()))) for d in own),
    "scripts": sorted((e.group, e.name, e.value) for d in own for e in d.entry_points),
}))
"""


IMPORTS = """
import subprocess
import alembic, greenlet, httpx, numpy, orjson, ruamel.yaml, shop.cli, sqlalchemy, yaml, zope.event, zope.interface
print(numpy.arange(4).sum(), orjson.dumps({"a": 1}).decode())
for words in (["shop"], ["count-shop"], ["alembic", "--version"], ["uvicorn", "--version"], ["f2py", "-v"]):
    words[0] = f"/opt/venv/bin/{words[0]}"
    print(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
"""

PIP_LIST = """
import subprocess
pip = ["/usr/bin/python3", "-m", "pip", "list", "--format", "json", "--path"]
print(subprocess.run([*pip, "/opt/venv/lib/python3.11/site-packages"], capture_output=True, text=True).stdout)
"""


class Both(NamedTuple):
    """One lock twice: an environment made by pip, and an image; each below ``/opt/venv``."""

    theirs: Tree
    ours: Tree
    image: Made
    run: Callable[[str, str], str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, real_index: None) -> Path:
    root = projects.write(tmp_path_factory.mktemp("pip") / "shop", {**projects.FILES, **MORE_FILES})
    text = projects.manifest([*DEPENDENCIES, "click"], backend="setuptools", more=SETUP)
    (root / "pyproject.toml").write_text(text)
    return projects.uv_lock(root)


@pytest.fixture(scope="module")
def both(root: Path, product: Product, base_archive: Path, docker_classic: str) -> Iterator[Both]:
    reference = f"depsfirst-acceptance-{uuid.uuid4().hex[:12]}"
    docker = (program("docker"), "-H", docker_classic)
    if not run(*docker, "images", "--quiet", BASE).strip():
        run(*docker, "load", "-i", base_archive)
    folder = root.parent
    try:
        theirs = by_pip(root, folder, docker, f"{reference}:pip")
        loaded = product.using(base=f"docker-archive:{base_archive}")
        image = loaded.build(root, folder / "image.tar", "-t", f"{reference}:ours")
        run(*docker, "load", "-i", folder / "image.tar")

        def inside(tag: str, code: str) -> str:
            start = ("run", "--rm", "--network", "none", "--entrypoint", f"/{VENV}/bin/python")
            return run(*docker, *start, f"{reference}:{tag}", "-c", code)

        bases = len(image.layers("base"))
        yield Both(theirs, below(read_image(folder / "image.tar").tree(start=bases), VENV), image, inside)
    finally:
        run(*docker, "image", "rm", "--force", f"{reference}:pip", f"{reference}:ours")


def by_pip(root: Path, folder: Path, docker: tuple[str, ...], reference: str) -> Tree:
    """Install the lock and the project's wheel by pip in a container of the base; ``/opt/venv`` of it."""
    share = folder / "share"
    share.mkdir()
    projects.uv("build", "--quiet", "--wheel", "--out-dir", share, root)
    (wheel,) = share.glob("*.whl")
    (share / "requirements.txt").write_text(projects.uv_requirements(root, hashes=True))
    pip = f"/{VENV}/bin/python -m pip --disable-pip-version-check --no-cache-dir install --quiet --no-compile --no-deps"
    steps = [
        f"python3 -m venv /{VENV}",
        f"{pip} --require-hashes -r /share/requirements.txt",
        f"{pip} /share/{shlex.quote(wheel.name)}",
    ]
    name = reference.replace(":", "-")
    try:
        run(*docker, "run", "--name", name, "--network", "host", "-v", f"{share}:/share:ro", *settings(),
            "localbase:1", "sh", "-ec", "\n".join(steps))  # fmt: skip
        run(*docker, "commit", name, reference)
        run(*docker, "cp", f"{name}:/{VENV}", folder / "theirs")
    finally:
        run(*docker, "rm", "--force", "--volumes", name)
    return on_disk(folder / "theirs")


def settings() -> list[str]:
    """The user's index and proxy, where there are any."""
    names = ("PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
    return [word for name in names if os.environ.get(name) for word in ("-e", name)]


def on_disk(folder: Path) -> Tree:
    """A directory as a tree."""
    packed = folder.with_suffix(".tar")
    with tarfile.open(packed, "w") as tar:
        tar.add(folder, ".")
    found: Tree = {}
    with tarfile.open(packed) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            kind = "directory" if member.isdir() else "link" if member.issym() else "file"
            content = file.read() if file else member.linkname.encode()
            found[member.name.removeprefix("./")] = Entry(kind, member.mode & 0o7777, (0, 0), 0, content)
    packed.unlink()
    return found


def compared(tree: Tree) -> Tree:
    """The files and links of an environment, less what is pip's own, bytecode, and what says who installed."""
    return {
        path: entry
        for path, entry in tree.items()
        if entry.kind != "directory"
        and path not in NOT_COMPARED
        and not pips_own(path)
        and not path.endswith(".pyc")
        and not (".dist-info/" in path and path.rpartition("/")[2] in ALLOWED)
    }


def program_of(path: str, entry: Entry) -> bytes | str:
    """What a file holds; of a script that an installer made, its first line and its program.

    Templates of scripts differ in the quotes they use.
    """
    lines = entry.content.split(b"\n")
    if not path.startswith("bin/") or lines[1:2] != [b"# -*- coding: utf-8 -*-"]:
        return entry.content
    return lines[0].decode() + ast.dump(ast.parse(entry.content))


def pips_own(path: str) -> bool:
    """Whether a file belongs to pip or setuptools, which venv puts there: an image has none."""
    parts = path.split("/")
    if parts[0] == "bin":
        return parts[1].startswith("pip")
    names = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"}
    return "site-packages" in parts and (
        parts[3] in names or (parts[3].endswith(".dist-info") and parts[3].partition("-")[0] in {"pip", "setuptools"})
    )


def test_the_same_files(both: Both) -> None:
    theirs, ours = set(compared(both.theirs)), set(compared(both.ours))
    assert len(theirs) > 2000
    assert sorted(theirs - ours) == []
    assert sorted(ours - theirs) == []


def test_the_same_contents_and_modes(both: Both) -> None:
    theirs, ours = compared(both.theirs), compared(both.ours)
    common = sorted(set(theirs) & set(ours))
    assert [path for path in common if theirs[path].kind != ours[path].kind] == []
    assert [path for path in common if program_of(path, theirs[path]) != program_of(path, ours[path])] == []
    files = [path for path in common if ours[path].kind == "file"]
    assert [path for path in files if theirs[path].executable != ours[path].executable] == []
    assert {ours[path].mode for path in files} == {0o644, 0o755}
    assert {ours[path].owner for path in files} == {(0, 0)}


def test_the_interpreter_is_that_of_the_base(both: Both) -> None:
    code = "import os, sys; print([os.path.realpath(f'/opt/venv/bin/python{end}') for end in ('', '3', '3.11')])"
    ours, theirs = both.run("ours", code), both.run("pip", code)
    assert ours == theirs == f"{['/usr/bin/python3.11'] * 3}\n"
    names = {path for path in both.theirs if path.startswith("bin/python")}
    assert names == {path for path in both.ours if path.startswith("bin/python")}


def test_what_is_named_is_there(both: Both) -> None:
    """The peculiar places: else the comparison might agree on nothing."""
    site = "lib/python3.11/site-packages"
    for path in (
        "bin/shop",
        "bin/count-shop",
        "bin/f2py",
        "share/shop/prices.csv",
        "etc/shop/shop.conf",
        "include/site/python3.11/greenlet/greenlet.h",
        f"{site}/shop/déjà vu.txt",
        f"{site}/zope/interface/__init__.py",
        f"{site}/zope/event/__init__.py",
        f"{site}/alembic/templates/generic/alembic.ini.mako",
    ):
        assert path in both.ours, path
        assert path in both.theirs, path
    assert both.ours["bin/count-shop"].content.startswith(b"#!/opt/venv/bin/python")
    assert any(path.startswith(f"{site}/numpy.libs/") for path in both.ours)


def test_every_record_tells_the_truth(both: Both) -> None:
    """Each lists the files that pip's lists, with the hashes of what is installed."""
    site = "lib/python3.11/site-packages"
    records = [path for path in both.ours if path.startswith(site) and path.endswith(".dist-info/RECORD")]
    assert len(records) > len(DEPENDENCIES)
    for record in records:
        ours, theirs = (rows(tree[record].content) for tree in (both.ours, both.theirs))
        assert set(ours) == set(theirs), record
        differing = {name for name in ours if ours[name] != theirs[name]}
        assert all(name.startswith("../../../bin/") for name in differing), record
        for name in ours:
            content = both.ours[posixpath.normpath(f"{site}/{name}")].content
            assert ours[name] in {"", f"sha256={encoded(content)},{len(content)}"}, name


def rows(record: bytes) -> dict[str, str]:
    """What a RECORD says of each file, less bytecode and what may differ."""
    found = {row[0]: ",".join(row[1:]) for row in csv.reader(record.decode().splitlines())}
    return {
        name: said
        for name, said in found.items()
        if not name.endswith(".pyc") and not (".dist-info/" in name and name.rpartition("/")[2] in ALLOWED)
    }


def encoded(content: bytes) -> str:
    """The sha256 as a RECORD writes it."""
    return urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def test_both_list_the_same_packages_and_entry_points(both: Both) -> None:
    ours, theirs = (json.loads(both.run(tag, LISTING)) for tag in ("ours", "pip"))
    assert ours == theirs
    assert ["shop", "1.0.0"] in [row[:2] for row in ours["distributions"]]
    assert len(ours["distributions"]) > len(DEPENDENCIES)
    # pip of the base looks into the image's environment as it would into any
    names = ("pip", "setuptools")
    rows_of = [
        [row for row in json.loads(both.run(tag, PIP_LIST)) if row["name"] not in names] for tag in ("ours", "pip")
    ]
    assert rows_of[0] == rows_of[1]
    assert {row["name"] for row in rows_of[0]} >= {"numpy", "ruamel.yaml", "zope.interface", "shop"}


def test_both_import_the_same_and_their_scripts_run(both: Both) -> None:
    ours, theirs = both.run("ours", IMPORTS), both.run("pip", IMPORTS)
    assert ours == theirs
    assert "shop 1.0.0: open all hours" in ours
    assert "counted" in ours


def test_metadata_is_what_the_backend_wrote(both: Both) -> None:
    path = "lib/python3.11/site-packages/shop-1.0.0.dist-info/METADATA"
    metadata = email.message_from_bytes(both.ours[path].content)
    assert metadata["Name"] == "shop"
    assert both.ours[path].content == both.theirs[path].content
