"""Every kind of lock becomes an image that runs on every kind of machine, and tells the truth from inside."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.acceptance import projects
from tests.acceptance.machines import Machine, machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.product import Product

__all__ = ["machine"]

pytestmark = pytest.mark.index

DEPENDENCIES = ("attrs", "click", "jinja2", "six", "sqlalchemy")
LOCKS = ("poetry", "uv", "hashed", "plain")

SETTINGS = """
[tool.depsfirst]
env = { SHOP_MODE = "live" }
ports = [8000]
labels = { "example.team" = "corner" }
"""

PROBE = """
import importlib.metadata as metadata, json, os, sys
import attrs, click, jinja2, markupsafe._speedups, shop.cli, six, sqlalchemy
found = {d.metadata["Name"].lower().replace("_", "-"): d for d in metadata.distributions()}
print(json.dumps({
    "versions": {name: d.version for name, d in found.items()},
    "installers": sorted({(d.read_text("INSTALLER") or "").strip() for d in found.values()}),
    "unrecorded": [str(f) for d in found.values() for f in d.files or () if not f.locate().exists()],
    "script": [e.value for e in metadata.entry_points(group="console_scripts", name="shop")],
    "id": [os.getuid(), os.getgid()], "cwd": os.getcwd(), "prefix": sys.prefix, "executable": sys.executable,
    "env": {name: os.environ.get(name) for name in ("SHOP_MODE", "PATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED")},
    "native": markupsafe._speedups.__file__,
}))
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, real_index: None) -> Callable[[str], Path]:
    """``locked("poetry")`` is the project with the lock of that kind, made now."""
    made: dict[str, Path] = {}

    def lock(kind: str) -> Path:
        if kind not in made:
            root = projects.write(tmp_path_factory.mktemp(kind) / "shop", projects.FILES)
            text = projects.manifest(DEPENDENCIES, backend="poetry", more=SETTINGS)
            (root / "pyproject.toml").write_text(text)
            made[kind] = LOCKERS[kind](root)
        return made[kind]

    return lock


def hashed(root: Path) -> Path:
    return requirements(root, hashes=True)


def plain(root: Path) -> Path:
    return requirements(root, hashes=False)


def requirements(root: Path, *, hashes: bool) -> Path:
    projects.uv_lock(root)
    (root / "requirements.txt").write_text(projects.uv_requirements(root, hashes=hashes))
    (root / "uv.lock").unlink()
    return root


LOCKERS = {"poetry": projects.poetry_lock, "uv": projects.uv_lock, "hashed": hashed, "plain": plain}


@pytest.fixture
def base_named(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """``base_named("archive")`` is a base of that kind, as ``--base`` takes it."""

    def named(kind: str) -> str:
        if kind == "archive":
            return f"docker-archive:{request.getfixturevalue('base_archive')}"
        return str(request.getfixturevalue("small_base")) if kind == "layout" else kind

    return named


CASES = [
    pytest.param("poetry", "deb:trixie", "classic load", marks=[pytest.mark.docker, pytest.mark.debian]),
    pytest.param("uv", "deb:trixie", "classic archive", marks=[pytest.mark.docker, pytest.mark.debian]),
    pytest.param("plain", "deb:bookworm", "containerd load", marks=[pytest.mark.containerd, pytest.mark.debian]),
    pytest.param("poetry", "layout", "containerd archive", marks=pytest.mark.containerd),
    pytest.param("hashed", "layout", "podman", marks=pytest.mark.podman),
    pytest.param("uv", "archive", "runc", marks=pytest.mark.umoci),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "base", "machine"), CASES, indirect=["machine"])
def test_an_image_runs_and_tells_the_truth(  # noqa: PLR0917 - fixtures and one row of the table
    kind: str,
    base: str,
    machine: Machine,
    locked: Callable[[str], Path],
    base_named: Callable[[str], str],
    product: Product,
    tmp_path: Path,
) -> None:
    root = locked(kind)
    made = machine.build(product.using(base=base_named(base)), root, tmp_path)
    assert made.report["import_check"] in {"passed", "passed before"}
    assert machine.run("hello", "there").strip() == "shop 1.0.0: open all hours hello there"
    found = json.loads(machine.python(PROBE))
    assert found["versions"] == {**pinned(locked), "shop": "1.0.0"}
    assert found["installers"] == ["depsfirst"]
    assert found["unrecorded"] == []
    assert found["script"] == ["shop.cli:main"]
    assert (found["id"], found["cwd"], found["prefix"]) == ([65532, 65532], "/app", "/opt/venv")
    assert found["executable"] == "/opt/venv/bin/python"
    assert found["native"].startswith("/opt/venv/lib/")
    path = found["env"].pop("PATH")
    assert path.startswith("/opt/venv/bin:")
    assert found["env"] == {"SHOP_MODE": "live", "VIRTUAL_ENV": "/opt/venv", "PYTHONUNBUFFERED": "1"}


def pinned(locked: Callable[[str], Path]) -> dict[str, str]:
    """What has to be installed, as uv's own export says it for this machine."""
    wanted = {}
    for line in (locked("plain") / "requirements.txt").read_text().splitlines():
        pin = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)(?: ; (.*))?", line)
        if pin and "win32" not in (pin[3] or ""):
            wanted[pin[1]] = pin[2]
    assert set(DEPENDENCIES) <= set(wanted)
    return wanted


def test_all_locks_of_the_same_set_give_the_same_layers(
    locked: Callable[[str], Path], product: Product, small_base: str, tmp_path: Path
) -> None:
    images = {kind: product.build(locked(kind), tmp_path / f"{kind}.tar", "--base", small_base) for kind in LOCKS}
    assert len({tuple(made.diff_ids("dependencies")) for made in images.values()}) == 1
    assert len({tuple(made.diff_ids("code")) for made in images.values()}) == 1
    assert images["uv"].digest == images["hashed"].digest


@pytest.mark.skopeo
@pytest.mark.parametrize("output", ["image.tar", "oci:layout:1"])
def test_the_configuration_says_how_it_runs(  # noqa: PLR0917 - fixtures
    output: str,
    locked: Callable[[str], Path],
    product: Product,
    small_base: str,
    skopeo: Callable[..., str],
    tmp_path: Path,
) -> None:
    place = f"oci:{tmp_path}/layout:1" if output.startswith("oci:") else str(tmp_path / output)
    made = product.build(locked("uv"), place, "--base", small_base)
    source = place if output.startswith("oci:") else f"docker-archive:{place}"
    found = json.loads(skopeo("inspect", "--config", source))
    assert (found["architecture"], found["os"]) == tuple(reversed(made.report["platform"].split("/")))
    assert found["rootfs"]["diff_ids"] == [layer["diff_id"] for layer in made.report["layers"]]
    check_settings(found["config"])
    if output.startswith("oci:"):
        assert json.loads(skopeo("inspect", source))["Digest"] == made.digest


def check_settings(config: dict[str, Any]) -> None:
    assert config["Entrypoint"] == ["/opt/venv/bin/shop"]
    assert (config["User"], config["WorkingDir"]) == ("65532:65532", "/app")
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert {"SHOP_MODE=live", "VIRTUAL_ENV=/opt/venv", "PYTHONUNBUFFERED=1"} <= set(config["Env"])
    labels = dict(config["Labels"])
    assert len(labels.pop("dev.depsfirst.recipe")) == 64
    start = "org.opencontainers.image"
    assert labels == {
        "example.team": "corner",
        f"{start}.title": "shop",
        f"{start}.version": "1.0.0",
        f"{start}.description": "A shop.",
        f"{start}.licenses": "Apache-2.0",
        f"{start}.authors": "Ada <ada@shop.example>",
        f"{start}.url": "https://shop.example",
    }
