"""Packages of private and of several indexes: taken from the right one, with credentials that are kept nowhere."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import below, read_image
from tests.acceptance.loopback import package_index, sha256
from tests.conftest import run
from tests.gitserver import project

from depsfirst.project.locks.pdm import content_hashes as pdm_hashes
from depsfirst.project.locks.pipenv import content_hashes as pipenv_hashes
from depsfirst.project.locks.poetry import content_hash as poetry_hash
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"
NAME = "tea-1.0-py3-none-any.whl"
SECRET = "s3cr3t-of-the-tea"
LOGIN = f"ada:{SECRET}"
CLI = "import tea\n\ndef main() -> None:\n    print(tea.PRICE)\n"


def wheel(folder: Path, price: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = "tea-1.0.dist-info"
    files = {
        "tea.py": f"PRICE = {price}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tea\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return folder / NAME


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, in which the right price is 3."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "POETRY_", "PDM_", "XDG_", "NETRC"))]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tea(tmp_path: Path) -> Path:
    return wheel(tmp_path / "right", 3)


@pytest.fixture
def private(tea: Path) -> Iterator[Index]:
    """An index that wants a password and has tea."""
    with package_index([tea]) as index:
        index.login = LOGIN
        yield index


@pytest.fixture
def public(tmp_path: Path, distributions: list[Path]) -> Iterator[Index]:
    """The index that is the default, in which somebody put another tea of that version."""
    with package_index([*distributions, wheel(tmp_path / "wrong", 1)]) as index:
        yield index


@pytest.fixture
def product(fast: Product, public: Index, home: Path) -> Product:
    return fast.using(UV_DEFAULT_INDEX=public.url, HOME=str(home))


@dataclass
class Shop:
    """A project that has tea, and the variables that let it in."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)


def with_variables(product: Product, shop: Shop) -> Product:
    return replace(product, variables={**product.variables, **shop.variables})


def shop(root: Path, more: str = "") -> Path:
    projects.write(root, projects.FILES)
    (root / "pyproject.toml").write_text(projects.manifest(["tea"], more=more))
    (root / "src/shop/cli.py").write_text(CLI)
    return root


def by_uv(root: Path, index: Index, tea: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    named = f'\n[[tool.uv.index]]\nname = "tea-house"\nurl = "{index.url}"\nexplicit = true\n'
    shop(root, named + '\n[tool.uv.sources]\ntea = { index = "tea-house" }\n')
    variables = {"UV_INDEX_TEA_HOUSE_USERNAME": "ada", "UV_INDEX_TEA_HOUSE_PASSWORD": SECRET}
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        projects.uv_lock(root)
    assert SECRET not in (root / "uv.lock").read_text()
    return Shop(root, variables)


def by_poetry(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    source = f'\n[[tool.poetry.source]]\nname = "tea-house"\nurl = "{index.url}"\npriority = "explicit"\n'
    shop(root, source + '\n[tool.poetry.dependencies]\ntea = { source = "tea-house" }\n')
    content = poetry_hash(parse((root / "pyproject.toml").read_text(), "pyproject.toml"))
    (root / "poetry.lock").write_text(f"""\
[[package]]
name = "tea"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = [{{file = "{tea.name}", hash = "sha256:{sha256(tea)}"}}]

[package.source]
type = "legacy"
url = "{index.url.rstrip("/")}"
reference = "tea-house"

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "{content}"
""")
    start = "POETRY_HTTP_BASIC_TEA_HOUSE_"
    return Shop(root, {f"{start}USERNAME": "ada", f"{start}PASSWORD": SECRET})


def with_login(url: str) -> str:
    return url.replace("//", "//${TEA_NAME}:${TEA_TOKEN}@")


TOKEN = {"TEA_NAME": "ada", "TEA_TOKEN": SECRET}


def by_pdm(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root, f'\n[[tool.pdm.source]]\nname = "tea"\nurl = "{with_login(index.url)}"\ninclude_packages = ["tea"]\n')
    content = next(iter(pdm_hashes(parse((root / "pyproject.toml").read_text(), "pyproject.toml"))))
    (root / "pdm.lock").write_text(f"""\
[metadata]
groups = ["default"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
content_hash = "sha256:{content}"

[[package]]
name = "tea"
version = "1.0"
groups = ["default"]
files = [{{file = "{tea.name}", hash = "sha256:{sha256(tea)}"}}]
""")
    return Shop(root, TOKEN)


def by_pipenv(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root)
    source = {"name": "tea-house", "url": with_login(index.url), "verify_ssl": True}
    text = f'[[source]]\nname = "tea-house"\nurl = "{source["url"]}"\nverify_ssl = true\n[packages]\ntea = "*"\n'
    (root / "Pipfile").write_text(text)
    (content, *_others) = pipenv_hashes(parse(text, "Pipfile"))
    entry = {"hashes": [f"sha256:{sha256(tea)}"], "index": "tea-house", "version": "==1.0"}
    meta = {"hash": {"sha256": content}, "pipfile-spec": 6, "requires": {}, "sources": [source]}
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": meta, "default": {"tea": entry}, "develop": {}}))
    return Shop(root, TOKEN)


def by_requirements(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root)
    lines = [f"--extra-index-url {with_login(index.url)}", f"tea==1.0 --hash=sha256:{sha256(tea)}"]
    (root / "requirements.txt").write_text("\n".join(lines))
    return Shop(root, TOKEN)


def by_requirements_without_hashes(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root)
    (root / "requirements.txt").write_text("tea==1.0\n")
    return Shop(root, {"UV_INDEX": index.url.replace("//", f"//{LOGIN}@")})


def by_url(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root)
    url = with_login(index.url.replace("simple/", f"files/{tea.name}"))
    (root / "requirements.txt").write_text(f"tea @ {url} --hash=sha256:{sha256(tea)}\n")
    return Shop(root, TOKEN)


def by_pip(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    shop(root)
    (root / "requirements.txt").write_text(f"tea==1.0 --hash=sha256:{sha256(tea)}\n")
    return Shop(root, {"PIP_EXTRA_INDEX_URL": index.url.replace("//", f"//{LOGIN}@")})


def by_nothing(root: Path, index: Index, tea: Path, _: pytest.MonkeyPatch) -> Shop:
    """No lock: uv resolves, and says which index it took each package from."""
    named = f'\n[[tool.uv.index]]\nname = "tea-house"\nurl = "{index.url}"\nexplicit = true\n'
    shop(root, named + '\n[tool.uv.sources]\ntea = { index = "tea-house" }\n')
    return Shop(root, {"UV_INDEX_TEA_HOUSE_USERNAME": "ada", "UV_INDEX_TEA_HOUSE_PASSWORD": SECRET})


WAYS = [
    by_uv,
    by_poetry,
    by_pdm,
    by_pipenv,
    by_requirements,
    by_requirements_without_hashes,
    by_url,
    by_pip,
    by_nothing,
]


def secrets(*folders: Path) -> list[str]:
    """Files below folders that hold the password, as it is or as it is sent."""
    forms = (SECRET.encode(), base64.b64encode(LOGIN.encode()))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(form in path.read_bytes() for form in forms)]


def tar_holds(path: Path, text: str) -> bool:
    image = read_image(path)
    everything = [*image.tars, json.dumps([image.config, image.manifest]).encode(), path.read_bytes()]
    return any(text.encode() in data for data in everything)


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_the_right_tea_is_had_and_the_password_kept_nowhere(  # noqa: PLR0917 - fixtures
    way: Callable[..., Shop],
    product: Product,
    private: Index,
    tea: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = way(tmp_path / "shop", private, tea, monkeypatch)
    private.shown.clear()
    said = with_variables(product, made).run(
        *product.order(made.root, tmp_path / "image.tar"), "--verbose", "--format", "json"
    )
    assert said.status == 0, said.stderr
    assert json.loads(said.stdout)["import_check"] == "passed"
    tree = below(read_image(tmp_path / "image.tar").tree(start=1), SITE)
    assert tree["tea.py"].content == b"PRICE = 3\n"
    assert LOGIN in private.shown
    assert SECRET not in said.stdout + said.stderr
    assert secrets(product.cache, made.root) == []
    assert not tar_holds(tmp_path / "image.tar", SECRET)
    origin = tree.get("tea-1.0.dist-info/direct_url.json")
    assert origin is None or b"TEA_" not in origin.content


@pytest.mark.parametrize("way", [by_uv, by_poetry, by_requirements], ids=lambda way: way.__name__)
def test_without_credentials_it_is_said_what_was_looked_for(  # noqa: PLR0917 - fixtures
    way: Callable[..., Shop],
    product: Product,
    private: Index,
    tea: Path,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = way(tmp_path / "shop", private, tea, monkeypatch)
    said = product.using(PATH="/usr/bin:/bin").refused(made.root, tmp_path / "image.tar")
    if way is by_requirements:
        assert 'requirements.txt:2: the variable "TEA_NAME" is not set' in said
        return
    assert "answered with 401" in said
    assert 'no credentials for the index "tea-house" of pyproject.toml (127.0.0.1) were found; looked for ' in said
    for name in (*made.variables, f"{home}/.netrc (not there)", 'the program "keyring" (not installed)'):
        assert name in said


@pytest.mark.parametrize("way", [by_uv, by_poetry], ids=lambda way: way.__name__)
def test_netrc_and_a_keyring_let_in_as_well(  # noqa: PLR0917 - fixtures
    way: Callable[..., Shop],
    product: Product,
    private: Index,
    tea: Path,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = way(tmp_path / "shop", private, tea, monkeypatch)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login ada password {SECRET}\n")
    product.using(NETRC=str(tmp_path / "netrc")).build(made.root, tmp_path / "netrc.tar")
    (tmp_path / "bin").mkdir()
    keyring = tmp_path / "bin/keyring"
    keyring.write_text(f"#!/bin/sh\ncase \"$*\" in *simple*) printf 'ada\\n{SECRET}\\n' ;; *) exit 1 ;; esac\n")
    keyring.chmod(0o755)
    cold = product.using(tmp_path / "cold", PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    cold.build(made.root, tmp_path / "keyring.tar")
    assert secrets(product.cache, cold.cache) == []
    assert (tmp_path / "netrc.tar").read_bytes() == (tmp_path / "keyring.tar").read_bytes()


def test_files_on_another_host_are_fetched_without_the_password(
    product: Product, private: Index, tea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = by_uv(tmp_path / "shop", private, tea, monkeypatch)
    with package_index([tea]) as files:
        private.files_at = files.url.removesuffix("/simple/")
        with_variables(product, made).build(made.root, tmp_path / "image.tar")
        assert files.fetched() == [NAME]
        assert files.shown == [None]


def test_a_mirror_stands_in_place_of_the_public_index(
    product: Product, public: Index, tea: Path, tmp_path: Path
) -> None:
    """A lock that names the public index, on a machine whose settings name a mirror of it."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    shop(tmp_path / "shop")
    with package_index([tea]) as mirror:
        lock = f"""\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1.0.0"
source = {{ editable = "." }}
dependencies = [{{ name = "tea" }}]

[package.metadata]
requires-dist = [{{ name = "tea" }}]

[[package]]
name = "tea"
version = "1.0"
source = {{ registry = "{PYPI_SIMPLE_ENDPOINT.rstrip("/")}" }}
wheels = [{{ url = "http://127.0.0.1:1/files/{NAME}", hash = "sha256:{sha256(tea)}", size = {tea.stat().st_size} }}]
"""
        (tmp_path / "shop/uv.lock").write_text(lock)
        mirror.files |= public.files
        mirror.files[NAME] = tea
        config = tmp_path / "pip.conf"
        config.write_text(f"[global]\nindex-url = {mirror.url}\n")
        mine = product.using(UV_DEFAULT_INDEX="", PIP_CONFIG_FILE=str(config))
        mine.build(tmp_path / "shop", tmp_path / "image.tar")
        assert NAME in mirror.fetched()
        del mirror.files[NAME]
        mirror.files["tea-2.0-py3-none-any.whl"] = tea
        said = mine.using(tmp_path / "cold").refused(tmp_path / "shop", tmp_path / "again.tar")
        assert f'the index "{mirror.url}" ({config}) does not list "{NAME}"' in said
        assert f"the lock names the public index, in whose place {config} puts another" in said


def test_a_directory_of_an_archive(product: Product, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop")
    for name, text in project("tea", code="PRICE = 5\n").items():
        projects.write(tmp_path, {f"all-1.0/libs/tea/{name}": text})
    projects.write(tmp_path, {f"all-1.0/{name}": text for name, text in project("all").items()})
    archive = Path(shutil.make_archive(str(tmp_path / "all-1.0"), "gztar", tmp_path, "all-1.0"))
    with package_index([archive]) as index:
        url = f"{index.url.removesuffix('simple/')}files/{archive.name}"
        line = f"tea @ {url}#subdirectory={{}} --hash=sha256:{sha256(archive)}\n"
        (root / "requirements.txt").write_text(line.format("libs/tea"))
        product.build(root, tmp_path / "image.tar")
        (root / "requirements.txt").write_text(line.format("libs/coffee"))
        said = product.refused(root, tmp_path / "again.tar")
    tree = below(read_image(tmp_path / "image.tar").tree(start=1), SITE)
    assert tree["tea.py"].content == b"PRICE = 5\n"
    origin = json.loads(tree["tea-1.0.dist-info/direct_url.json"].content)
    assert (origin["url"], origin["subdirectory"]) == (url, "libs/tea")
    assert 'requirements.txt:1: all-1.0.tar.gz: the sdist has no directory "libs/coffee"' in said


# Links


def test_wheels_in_a_directory(product: Product, tea: Path, public: Index, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop")
    shutil.copytree(tea.parent, root / "wheels")
    (root / "requirements.txt").write_text(f"--no-index\n-f wheels\ntea==1.0 --hash=sha256:{sha256(tea)}\n")
    public.asked.clear()
    product.build(root, tmp_path / "image.tar")
    assert below(read_image(tmp_path / "image.tar").tree(start=1), SITE)["tea.py"].content == b"PRICE = 3\n"
    assert "/simple/tea/" not in public.asked


def test_wheels_in_a_directory_that_uv_locked(
    product: Product, tea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shop(tmp_path / "shop", '\n[tool.uv]\nfind-links = ["wheels"]\nno-index = true\n')
    shutil.copytree(tea.parent, root / "wheels")
    projects.uv_lock(root)
    assert 'registry = "wheels"' in (root / "uv.lock").read_text()
    first = product.build(root, tmp_path / "image.tar")
    wheel(root / "wheels", 4)
    assert first.differing(product.build(root, tmp_path / "again.tar")) == {"dependencies"}, "uv locks no hash of it"
    assert below(read_image(tmp_path / "again.tar").tree(start=1), SITE)["tea.py"].content == b"PRICE = 4\n"
    shutil.rmtree(root / "wheels")
    said = product.using(tmp_path / "cold").refused(root, tmp_path / "third.tar")
    assert f'uv.lock: package[1]: "{root}/wheels/{NAME}" does not exist' in said


def test_wheels_that_are_locked_by_path(product: Product, tea: Path, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", '\n[tool.uv.sources]\ntea = { path = "wheels/' + NAME + '" }\n')
    shutil.copytree(tea.parent, root / "wheels")
    projects.uv_lock(root)
    made = product.build(root, tmp_path / "image.tar")
    (root / "uv.lock").unlink()
    projects.replace(root / "pyproject.toml", r"\n\[tool\.uv\.sources\]\n.*\n", "")
    for line in (f"./wheels/{NAME}", f"tea @ file://{root}/wheels/{NAME}"):
        (root / "requirements.txt").write_text(f"{line} --hash=sha256:{sha256(tea)}\n")
        assert product.build(root, tmp_path / "again.tar").diff_ids("dependencies") == made.diff_ids("dependencies")
    wheel(root / "wheels", 9)
    said = product.using(tmp_path / "cold").refused(root, tmp_path / "third.tar")
    assert f'requirements.txt:1: "file://{root}/wheels/{NAME}" has sha256' in said


def test_an_index_without_hashes_in_its_pages(product: Product, tea: Path, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop")
    page = tmp_path / "page"
    page.mkdir()
    shutil.copy(tea, page / NAME)
    (page / "index.html").write_text(f'<a href="{NAME}">{NAME}</a>')
    for hashed in ("", f" --hash=sha256:{sha256(tea)} --hash=sha256:{'0' * 64}"):
        (root / "requirements.txt").write_text(f"--no-index\n-f file://{page}/index.html\ntea==1.0{hashed}\n")
        product.build(root, tmp_path / "image.tar")
    wrong = f" --hash=sha256:{'0' * 64}"
    (root / "requirements.txt").write_text(f"--no-index\n-f file://{page}/index.html\ntea==1.0{wrong}\n")
    said = product.refused(root, tmp_path / "again.tar")
    assert f'"{NAME}" has the sha256 {sha256(tea)}, which the lock does not allow' in said


# In an engine


@pytest.mark.docker
def test_an_image_of_a_private_index_runs(  # noqa: PLR0917 - fixtures
    product: Product,
    private: Index,
    tea: Path,
    tmp_path: Path,
    base_archive: Path,
    docker_classic: str,
    reference: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = by_uv(tmp_path / "shop", private, tea, monkeypatch)
    loading = with_variables(product, made).using(base=f"docker-archive:{base_archive}", DOCKER_HOST=docker_classic)
    try:
        loading.build(made.root, None, "--tag", reference)
        assert run("docker", "-H", docker_classic, "run", "--rm", "--network=none", reference) == "3\n"
        command = ["docker", "-H", docker_classic, "save", reference]
        saved = subprocess.run(command, capture_output=True, check=True, timeout=300).stdout
        assert b"PRICE = 3" in saved
        assert SECRET.encode() not in saved
        assert SECRET not in run("docker", "-H", docker_classic, "history", "--no-trunc", reference)
    finally:
        run("docker", "-H", docker_classic, "image", "rm", "--force", reference)
