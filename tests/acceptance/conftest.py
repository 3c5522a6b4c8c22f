"""What acceptance tests share: the product, caches, bases, an index on loopback, and what a machine has to offer."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.acceptance import projects
from tests.acceptance.loopback import package_index
from tests.acceptance.product import Product
from tests.conftest import LEFT_OUT, absent, add, needed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.loopback import Index
    from tests.conftest import HostRoot

REPOSITORY = Path(__file__).parents[2]
KEPT = Path(os.environ.get("DEPSFIRST_TEST_CACHE") or REPOSITORY / ".work" / "test-cache")

LOOPBACK = ("attrs", "click", "flit_core", "itsdangerous", "jinja2", "markupsafe", "setuptools", "six", "wheel")
"""What the index on loopback offers."""


@pytest.fixture(scope="session")
def kept() -> Path:
    """A directory that outlives the tests, so that a machine fetches each package once."""
    KEPT.mkdir(parents=True, exist_ok=True)
    return KEPT


@contextmanager
def alone(kept: Path, name: str) -> Iterator[None]:
    """Hold other test processes off something in that directory."""
    with (kept / f"{name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def product(kept: Path) -> Product:
    """The product with the cache that all tests share to whom it does not matter what is cached."""
    return Product(kept / "depsfirst")


@pytest.fixture
def cold(product: Product, tmp_path: Path) -> Product:
    """The product with an empty cache."""
    return product.using(tmp_path / "cold")


@pytest.fixture(scope="session")
def real_index() -> None:
    """The package index that this machine's uv reaches."""
    words = ["pip", "compile", "--quiet", "--no-deps", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "uv", *words], input="click\n", capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        absent(f"a package index is needed: {done.stderr.strip()}")


@pytest.fixture(autouse=True)
def _real_index(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("index"):
        request.getfixturevalue("real_index")


@pytest.fixture(scope="session")
def distributions(real_index: None, kept: Path) -> list[Path]:
    """Wheels for this interpreter, fetched by pip once for all."""
    folder = kept / f"wheels-{sys.implementation.cache_tag}"
    with alone(kept, "wheels"):
        if not (folder / "whole").exists():
            words = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder))
            run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words, *LOOPBACK)
            (folder / "whole").touch()
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def loopback(distributions: list[Path]) -> Iterator[Index]:
    """An index on loopback, for all that has to be quick or is counted elsewhere."""
    with package_index(distributions) as index:
        yield index


@pytest.fixture
def counting(distributions: list[Path]) -> Iterator[Index]:
    """An index on loopback for one test."""
    with package_index(distributions) as index:
        yield index


@pytest.fixture(scope="session")
def small_base(host_root: HostRoot, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base as small as one that runs can be: this machine's interpreter in an OCI layout, compressed."""
    layout = tmp_path_factory.mktemp("base") / "layout"
    plain = layout.with_name("layer.tar")
    shutil.copy(host_root.tar, plain)
    with tarfile.open(plain, "a") as tar:
        there = set(tar.getnames())
        for path in shared_libraries():
            if str(path).strip("/") not in there:
                add(tar, path)
    data = plain.read_bytes()
    plain.unlink()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Env": [f"PATH={host_root.path}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}"]},
    }
    write_layout(layout, config, [gzip.compress(data, 1, mtime=0)])
    return f"oci:{layout}"


def shared_libraries() -> list[Path]:
    """What the modules of the standard library need, and what any manylinux wheel may count on."""
    modules = Path(os.__file__).parent.glob("lib-dynload/*.so")
    found = needed(sorted(path for path in modules if not LEFT_OUT.fullmatch(path.name)))
    folder = next(path.parent for path in found if path.name.startswith("libc.so"))
    names = ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6", "libgcc_s.so.1")
    return sorted({*found, *(folder / name for name in names if (folder / name).exists())})


def write_layout(folder: Path, config: dict[str, Any], layers: list[bytes]) -> None:
    """An OCI layout with one image."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    kind = "application/vnd.oci.image"

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), f"{kind}.config.v1+json"),
        "layers": [blob(layer, f"{kind}.layer.v1.tar+gzip") for layer in layers],
    }
    described = blob(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))


@pytest.fixture(scope="session")
def base_archive() -> Path:
    """A docker-archive of a Debian image with Python, pip and venv."""
    path = os.environ.get("DEPSFIRST_TEST_BASE")
    if not path or not Path(path).is_file():
        absent("an archive of a base is needed: DEPSFIRST_TEST_BASE is not set (python3 -m scripts.engines up)")
    return Path(path)


@pytest.fixture
def shop(tmp_path: Path, loopback: Index) -> Callable[..., Path]:
    """``shop("click", …)`` is a project with these dependencies, locked by uv from the index on loopback."""

    def made(*dependencies: str, folder: str = "shop", name: str = "shop", more: str = "") -> Path:
        return projects.shop(tmp_path / folder, loopback.url, *dependencies, name=name, more=more)

    return made


@pytest.fixture
def reference() -> str:
    """A name for an image that no other test uses."""
    return f"depsfirst-acceptance-{uuid.uuid4().hex[:12]}:1"


@pytest.fixture
def fast(product: Product, loopback: Index, small_base: str, tmp_path: Path) -> Product:
    """The product, cold, with the small base and the index on loopback: what is cold takes seconds."""
    return product.using(
        tmp_path / "fast", small_base, UV_DEFAULT_INDEX=loopback.url, PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS=""
    )
