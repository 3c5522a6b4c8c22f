from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.cache.contexts import Project

from depsfirst.cache.model import steps
from depsfirst.cache.nodes import File, Hidden, Node, find_node
from depsfirst.cache.patterns import concrete
from depsfirst.cache.results import Results
from depsfirst.dockerfile.filetree import Directory, walk

if TYPE_CHECKING:
    from pathlib import Path

SEED = int(os.environ.get("DEPSFIRST_TEST_SEED", "20"))
SCRIPTS = int(os.environ.get("DEPSFIRST_TEST_SCRIPTS", "60"))
NAMES = ["a", "b", "d", "d/a", "d/e", "d/e/f", "l", "new", "d/new"]
FILES = {"a": "one", "b": "two", "d/a": "three", "d/e/f": "four", "d/.h": "five"}


def made(dockerfile: str, path: str) -> Node | None:
    """What stands at a path of the last step's result."""
    build = Project(dockerfile, FILES).build()
    return find_node(Results(build).root(steps(build)[-1].key), path)


def draw_command(random: Random) -> str:
    one, other, third = (random.choice(NAMES) for _ in range(3))
    return random.choice(
        [
            f"echo x > {one}",
            f"echo y >> {one}",
            f"printf z > {one}",
            f"cat {one} > {other}",
            f"cat {one} {other} > {third}",
            f"cp {one} {other}",
            f"cp {one} {other} {third}",
            f"cp -r {one} {other}",
            f"cp -r {one}/. {other}",
            f"cp -a {one} {other}/",
            f"cp -p {one} {other}",
            f"cp d/* {one}",
            f"mv {one} {other}",
            f"rm -f {one}",
            f"rm -rf {one}",
            "rm -rf d/*",
            "rm -rf d/.[!.]*",
            f"cp -r d/* {one}",
            f"cp -r d/[a-z] {one}",
            f"cp d/e/? {one}",
            f"sort {one} {other} > {third}",
            f"sed -i s/o/0/ {one}",
            f"cat {one} | tee {other} > {third}",
            f"tee -a new < {one}" if one != "new" else "true",
            f"install -t {one} {other}",
            f"mv {one} {other}/",
            f"cat {one} 2> {other}",
            "umask 077 && echo x > new",
            f"mkdir {one}",
            f"mkdir -p {one}/{other}",
            f"mkdir -m 700 {one}",
            f"touch {one}",
            f"ln -s {one} {other}",
            f"ln -sf {one} {other}",
            f"chmod 600 {one}",
            f"chmod +x {one}",
            f"chmod -R 755 {one}",
            f"install {one} {other}",
            f"install -m 600 -D {one} {other}",
            f"install -d -m 711 {one}",
            f"echo q | tee {one}",
            f"test -e {one}",
            f"cat <<< w > {one}",
            f"(cd d && cp a {other})",
        ]
    )


def found_below(root: Path) -> dict[str, tuple[str, int, bytes | str]]:
    result = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        content = str(path.readlink()) if kind == "link" else path.read_bytes() if kind == "file" else b""
        result[path.relative_to(root).as_posix()] = (kind, mode, content)
    return result


def told_below(tree: Directory, texts: dict[str, bytes]) -> dict[str, tuple[str, int | None, bytes | str]]:
    result: dict[str, tuple[str, int | None, bytes | str]] = {}
    for path, node in walk(tree):
        if isinstance(node, Directory):
            result[path] = ("folder", node.mode, b"")
        elif node.link:
            result[path] = ("link", node.mode, node.link)
        else:
            result[path] = ("file", node.mode, texts.get(node.digest or "", node.digest or ""))
    return result


def digests(root: Path) -> dict[str, bytes]:
    files = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    return {hashlib.sha256(data).hexdigest(): data for data in files}


@pytest.mark.parametrize("number", range(SCRIPTS))
def test_what_commands_are_said_to_do_is_what_they_do(number: int, tmp_path: Path) -> None:
    random = Random(f"{SEED} {number}")
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o644)
    for folder in ("d", "d/e"):
        (tmp_path / folder).chmod(0o755)
    done: list[str] = []
    for _ in range(random.randint(1, 7)):
        command = draw_command(random)
        run = subprocess.run(
            ["bash", "-c", f"umask 022; {command}"], cwd=tmp_path, capture_output=True, timeout=600, check=False
        )
        if run.returncode:
            break  # a build would end here, and what a failing command has done before is gone
        done.append(command)
        text = f'FROM scratch\nSHELL ["/bin/bash", "-c"]\nWORKDIR /w\nCOPY . .\nRUN {" && ".join(done)}'
        node = made(text, "/w")
        tree = concrete(node, owners=False)
        if not isinstance(tree, Directory):
            continue  # nothing is said
        tree = tree.having({name: each for name, each in tree.children.items() if name != "Dockerfile"})
        assert told_below(tree, digests(tmp_path)) == found_below(tmp_path), done


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("python -m venv .venv", "/app/.venv"),
        ("python3.12 -m venv --prompt shop --upgrade-deps /opt/venv", "/opt/venv"),
        ("uv venv", "/app/.venv"),
        ("uv venv -p 3.12 d/env", "/app/d/env"),
        ("virtualenv env && . env/bin/activate", "/app/env"),
    ],
)
def test_who_makes_an_environment_leaves_alone_what_was_copied(command: str, environment: str) -> None:
    dockerfile = f"FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    for path in ("/app/a", "/app/d/e/f"):
        node = made(dockerfile, path)
        assert isinstance(node, File)
        assert node.place is not None
    assert isinstance(made(dockerfile, environment), Hidden)


@pytest.mark.parametrize("command", ["python -m venv $HERE", ". ./scripts/setup", "python -m shop venv"])
def test_what_may_do_anything_hides_what_was_copied(command: str) -> None:
    assert isinstance(made(f"FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN {command}\n", "/app/a"), Hidden)
