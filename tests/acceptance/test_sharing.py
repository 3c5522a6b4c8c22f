"""A second project fetches and writes only what the first did not; an edit sends only what is new."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import read_image, tree_of
from tests.acceptance.loopback import metered
from tests.conftest import program, run

from depsfirst.plan import HEAVY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index, Meter
    from tests.acceptance.product import Made, Product

pytestmark = pytest.mark.index

BLOCK = 512
OVERHEAD = 30_000
"""Bytes that are sent beside layers: configuration, manifests, questions."""


@pytest.fixture
def counted(fast: Product, counting: Index) -> Product:
    return fast.using(UV_DEFAULT_INDEX=counting.url)


def files_in(cache: Path, kind: str) -> dict[str, int]:
    """Files of a kind, and when they were written."""
    return {path.name: path.stat().st_ctime_ns for path in cache.glob(f"{kind}/*/*")}


def test_a_second_project_fetches_and_writes_only_what_is_new(
    counted: Product, counting: Index, tmp_path: Path
) -> None:
    first = projects.shop(tmp_path / "shop", counting.url, "click", "jinja2", "attrs")
    second = projects.shop(tmp_path / "market", counting.url, "click", "jinja2", "six", "itsdangerous", name="market")
    counting.asked.clear()
    counted.build(first, tmp_path / "first.tar")
    assert distributions(counting.fetched()) == ["attrs", "click", "jinja2", "markupsafe"]
    before = files_in(counted.cache, "parts"), files_in(counted.cache, "wheels")
    counting.asked.clear()
    counted.build(second, tmp_path / "second.tar")
    assert distributions(counting.fetched()) == ["itsdangerous", "six"]
    after = files_in(counted.cache, "parts"), files_in(counted.cache, "wheels")
    assert set(before[1]) < set(after[1])
    assert len(set(after[1]) - set(before[1])) == 2
    # the parts of two wheels, of the other project, and the directories of two layers
    assert 3 <= len(set(after[0]) - set(before[0])) <= 5
    counting.asked.clear()
    counted.build(second, tmp_path / "second.tar")
    assert counting.asked == []


def distributions(names: list[str]) -> list[str]:
    """Of which distributions files were fetched, but for the backend, which uv fetches."""
    found = [name.partition("-")[0].lower() for name in names if not name.startswith("flit_core")]
    assert len(set(found)) == len(found), f"fetched twice: {names}"
    return found


def test_a_layer_counts_as_new_in_the_build_that_made_it(fast: Product, tmp_path: Path) -> None:
    root = projects.write(tmp_path / "shop", {"main.py": "import tea\n"})
    name = "tea-1.0-py3-none-any.whl"
    info = "tea-1.0.dist-info"
    with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tea.py", "LEAVES = 1\n")
        wheel.writestr("tea.bin", bytes(HEAVY))
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tea\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
    (root / "requirements.txt").write_text(f"./{name} --hash=sha256:{digest}\n")
    for reused in (False, True):
        made = fast.build(root, tmp_path / "image.tar")
        assert [(each["title"], each["reused"]) for each in made.layers("dependencies")] == [("tea", reused)]


def test_what_is_cached_needs_no_index(counted: Product, counting: Index, tmp_path: Path) -> None:
    root = projects.shop(tmp_path / "shop", counting.url, "click", "jinja2")
    before = counted.build(root, tmp_path / "image.tar")
    counting.asked.clear()
    counting.files.clear()  # from here on the index has nothing
    moved = root.rename(tmp_path / "moved")
    projects.write(moved, {"src/shop/till.py": "import jinja2\n"})
    after = counted.build(moved, tmp_path / "offline.tar")
    assert after.how == "built", "a new module calls the backend, and its environment is cached"
    assert before.differing(after) == {"code"}
    assert counting.asked == []


@pytest.fixture(params=["docker_classic", "docker_containerd"])
def meter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meter]:
    """A counting socket in front of each kind of daemon."""
    daemon = request.getfixturevalue(request.param)
    with metered(daemon, tmp_path_factory.mktemp("s") / "d.sock") as found:
        yield found


@pytest.fixture
def loading(fast: Product, meter: Meter, reference: str) -> Iterator[Callable[[Path], Made]]:
    """``loading(root)`` builds into that daemon; afterwards all images that were made there are gone."""
    docker = (program("docker"), "-H", meter.url)
    images = set()

    def load(root: Path) -> Made:
        made = fast.using(DOCKER_HOST=meter.url).build(root, None, "-t", reference)
        images.add(run(*docker, "image", "inspect", "--format", "{{.Id}}", reference).strip())
        return made

    yield load
    run(*docker, "image", "rm", "--force", *images)


@pytest.mark.docker
@pytest.mark.containerd
def test_an_edit_sends_its_own_layer_alone(
    loading: Callable[[Path], Made], meter: Meter, shop: Callable[..., Path], reference: str
) -> None:
    root = shop("click", "jinja2", "attrs")
    first = loading(root)
    assert meter.read() > sum(layer["size"] for layer in first.report["layers"] if not layer["reused"])
    for edit in ("shouts", "whispers"):
        projects.replace(root / "src/shop/cli.py", r"What the shop \w+", f"What the shop {edit}")
        made = loading(root)
        sent = meter.read()
        assert made.how == "patched"
        assert made.differing(first) == {"code"}
        assert new_kinds(made) == ["code"]
        (code,) = made.layers("code")
        assert code["size"] <= sent <= code["size"] + OVERHEAD
    again = loading(root)
    assert new_kinds(again) == []
    assert meter.read() < OVERHEAD
    said = run(program("docker"), "-H", meter.url, "run", "--rm", "--network", "none", reference, "now")
    assert said == "shop 1.0.0: open all hours now\n"


def new_kinds(made: Made) -> list[str]:
    return [layer["kind"] for layer in made.report["layers"] if not layer["reused"]]


def test_the_code_layer_holds_the_projects_own_files_alone(
    shop: Callable[..., Path], fast: Product, tmp_path: Path
) -> None:
    root = shop("click", "jinja2")
    made = fast.build(root, tmp_path / "image.tar")
    tar = read_image(tmp_path / "image.tar").tars[-1]
    tree = tree_of(tar)
    files = {path: entry for path, entry in tree.items() if entry.kind == "file"}
    packages = "opt/venv/lib/python3.11/site-packages"
    names = {path.removeprefix(f"{packages}/") for path in files}
    written = {str(path.relative_to(root / "src")) for path in (root / "src").rglob("*") if path.is_file()}
    info = {f"shop-1.0.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "INSTALLER", "entry_points.txt")}
    assert names == written | info | {"opt/venv/bin/shop"}
    content = sum(len(entry.content) for entry in files.values())
    rounding = len(tree) * 3 * BLOCK + 20 * BLOCK  # a header, one for a long name, the rest of a block; the end
    assert len(tar) <= content + rounding
    assert made.layers("code")[0]["size"] < len(tar)
