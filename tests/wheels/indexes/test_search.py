"""Build backends come from the project's own indexes, in their order and with their credentials."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.acceptance.loopback import package_index
from tests.gitserver import BACKEND

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Fetcher
from depsfirst.progress import Silent
from depsfirst.project.discover import discover
from depsfirst.project.model import Lock, LockedPackage
from depsfirst.wheels.built.backend import Source, built_wheel
from depsfirst.wheels.indexes.pdm import pdm_indexes
from depsfirst.wheels.indexes.places import places_of
from depsfirst.wheels.indexes.search import Search, search_of
from depsfirst.wheels.indexes.simple import public_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index

SECRET = "s3cr3t-of-the-packer"
LOGIN = f"ada:{SECRET}"
WITH_LOGIN = "//${TEA_NAME}:${TEA_TOKEN}@"
VARIABLES = {"TEA_NAME": "ada", "TEA_TOKEN": SECRET}
MANIFEST = """
[project]
name = "shop"
version = "1.0"
[build-system]
requires = ["packer>=1"]
build-backend = "packer"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_", "XDG_", "PDM_", "POETRY_", "NETRC"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "shared"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return tmp_path / "home"


def packer(folder: Path, version: str = "1.0", says: str = "right") -> Path:
    """A wheel with a build backend, which packs a file that says which packer packed it."""
    code = BACKEND.replace('path != "backend.py"', "True")
    code = code.replace(
        "        archive.writestr(", f"        archive.writestr('packed_by.txt', '{says}')\n{'':8}archive.writestr(", 1
    )
    info = f"packer-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"packer-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("packer.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: packer\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return folder / f"packer-{version}-py3-none-any.whl"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Index]:
    """An index that wants a password and has the right packer."""
    with package_index([packer(tmp_path / "right")]) as index:
        index.login = LOGIN
        yield index


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The user's default index, into which somebody put a newer packer."""
    with package_index([packer(tmp_path / "wrong", "2.0", "wrong")]) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield index


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Path]:
    def made(more: str = "", **files: str) -> Path:
        root = tmp_path / "shop"
        root.mkdir(exist_ok=True)
        (root / "pyproject.toml").write_text(MANIFEST + more)
        (root / "shop.py").write_text("")
        for name, text in ({"uv.lock": ""} | {key.replace("__", "."): text for key, text in files.items()}).items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        if "requirements__txt" in files or "pdm__lock" in files:
            (root / "uv.lock").unlink()
        return root

    return made


class Notes(Silent):
    def __init__(self) -> None:
        self.said = ""

    def note(self, text: str) -> None:
        self.said += text


def packed_by(root: Path, store: ContentStore) -> str:
    notes, project = Notes(), discover(root)
    assert project.build_system
    source = Source(root, project.build_system, project.name)
    try:
        with (
            built_wheel(source, store, search=search_of(project, store), progress=notes) as wheel,
            zipfile.ZipFile(wheel) as archive,
        ):
            return archive.read("packed_by.txt").decode()
    finally:
        assert SECRET not in notes.said
        files = [path for path in store.root.rglob("*") if path.is_file() and not path.is_symlink()]
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def with_login(url: str) -> str:
    return url.replace("//", WITH_LOGIN)


def by_uv(url: str) -> dict[str, Any]:
    return {"more": f'[[tool.uv.index]]\nname = "tea"\nurl = "{url}"\n'}


def by_uv_in_place_of_the_public_one(url: str) -> dict[str, Any]:
    return {"more": f'[[tool.uv.index]]\nname = "tea"\nurl = "{url}"\ndefault = true\n'}


def by_a_source_of_uv(url: str) -> dict[str, Any]:
    sources = '[tool.uv.sources]\npacker = { index = "tea" }\n'
    return {"more": f'{sources}[[tool.uv.index]]\nname = "tea"\nurl = "{url}"\nexplicit = true\n'}


def by_a_source_that_is_asked_anyway(url: str) -> dict[str, Any]:
    """An index that is not explicit, after another that has the name."""
    return {"more": by_a_source_of_uv(url)["more"].replace("explicit = true\n", "")}


def by_poetry(url: str) -> dict[str, Any]:
    return {"more": f'[[tool.poetry.source]]\nname = "tea"\nurl = "{url}"\npriority = "supplemental"\n'}


def by_pdm(url: str) -> dict[str, Any]:
    return {"more": f'[[tool.pdm.source]]\nname = "tea"\nurl = "{with_login(url)}"\n'}


def by_a_pattern_of_pdm(url: str) -> dict[str, Any]:
    return {**by_pdm(url), "more": by_pdm(url)["more"] + 'include_packages = ["pack*"]\n'}


def by_pdms_settings(url: str) -> dict[str, Any]:
    return {"pdm__lock": "", "pdm__toml": f'[pypi.tea]\nurl = "{url}"\nusername = "ada"\npassword = "{SECRET}"\n'}


def by_requirements(url: str) -> dict[str, Any]:
    return {"requirements__txt": f"--extra-index-url {with_login(url)}\n"}


WAYS = [
    by_uv,
    by_uv_in_place_of_the_public_one,
    by_a_source_of_uv,
    by_a_source_that_is_asked_anyway,
    by_poetry,
    by_pdm,
    by_a_pattern_of_pdm,
    by_pdms_settings,
    by_requirements,
]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_the_packer_of_the_project_packs(  # noqa: PLR0917 - fixtures
    way: Callable[[str], dict[str, Any]],
    private: Index,
    default: Index,
    shop: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"UV_INDEX_TEA_": ("USERNAME", "PASSWORD"), "POETRY_HTTP_BASIC_TEA_": ("USERNAME", "PASSWORD")}
    keys = {
        f"{start}{end}": value
        for start, ends in names.items()
        for end, value in zip(ends, ("ada", SECRET), strict=True)
    }
    for name, value in (VARIABLES | keys).items():
        monkeypatch.setenv(name, value)
    assert packed_by(shop(**way(private.url)), ContentStore(tmp_path / "cache")) == "right"
    assert LOGIN in private.shown
    assert default.fetched() == []


def test_without_an_index_of_the_project_it_is_the_users(
    private: Index, default: Index, shop: Callable[..., Path], tmp_path: Path
) -> None:
    assert packed_by(shop(), ContentStore(tmp_path / "cache")) == "wrong"
    assert private.asked == []


def test_what_one_projects_index_gave_is_not_taken_for_another(
    private: Index, default: Index, shop: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.login = None
    store = ContentStore(tmp_path / "cache")
    assert packed_by(shop(**by_uv(private.url)), store) == "right"
    assert packed_by(shop(), store) == "wrong"


def test_a_keyring_lets_in(
    private: Index, shop: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    keyring = tmp_path / "bin/keyring"
    keyring.write_text(f"#!/bin/sh\ncase \"$*\" in *simple*) printf 'ada\\n{SECRET}\\n' ;; *) exit 1 ;; esac\n")
    keyring.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    assert packed_by(shop(**by_uv(private.url)), ContentStore(tmp_path / "cache")) == "right"


def test_an_index_that_refuses_is_named(private: Index, shop: Callable[..., Path], tmp_path: Path) -> None:
    root = shop(**by_uv_in_place_of_the_public_one(private.url))
    with pytest.raises(DepsfirstError, match="cannot be installed") as caught:
        packed_by(root, ContentStore(tmp_path / "cache"))
    assert private.url in caught.value.message
    assert str(caught.value.where).endswith("build-system.requires")


def test_a_backend_of_a_directory_beside(shop: Callable[..., Path], tmp_path: Path) -> None:
    """A path of uv's sources is one from the project, and what lies there may change."""
    archive = packer(tmp_path / "wheels")
    root = shop(f'[tool.uv.sources]\npacker = {{ path = "../wheels/{archive.name}" }}\n')
    store = ContentStore(tmp_path / "cache")
    assert packed_by(root, store) == "right"
    packer(tmp_path / "wheels", says="newer")
    assert packed_by(root, store) == "newer"


def test_sources_of_the_project_are_for_what_it_is_built_with(shop: Callable[..., Path], tmp_path: Path) -> None:
    root = shop('[tool.uv.sources]\nlost = { workspace = true }\npacker = { path = "packer" }\n')
    project, store = discover(root), ContentStore(tmp_path / "cache")
    assert search_of(project, store).sources == {"packer": [{"path": f"{root}/packer"}]}
    assert search_of(project, store, lock=Lock("uv", "uv.lock", "shop", (), {})).sources == {}


# The order


@pytest.fixture
def found(shop: Callable[..., Path], tmp_path: Path) -> Callable[..., Search]:
    def searched(more: str = "", chosen: str | None = None, **files: str) -> Search:
        return search_of(discover(shop(more, **files)), ContentStore(tmp_path / "cache"), chosen)

    return searched


def uv_index(url: str, more: str = "") -> str:
    host = url.rpartition("@")[2].removeprefix("https://").partition(".")[0]
    return f'[[tool.uv.index]]\nname = "{host}"\nurl = "{url}"\n{more}'


OURS, MORE, MIRROR = (f"https://{name}.example/simple" for name in ("ours", "more", "mirror"))


def test_the_projects_indexes_come_before_the_users(
    found: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX", "https://user.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://pip.example/simple")
    search = found(uv_index(OURS) + uv_index(MORE), MIRROR)
    variables = search.variables()
    assert variables["UV_INDEX"] == f"{OURS} {MORE} https://user.example/simple https://pip.example/simple"
    assert variables["UV_DEFAULT_INDEX"] == MIRROR


def test_a_default_of_the_project_goes_before_that_of_the_user(
    found: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", MIRROR)
    assert found(uv_index(OURS, "default = true\n")).variables()["UV_DEFAULT_INDEX"] == OURS


def test_the_public_index_is_asked_last_and_may_be_replaced(found: Callable[..., Search], tmp_path: Path) -> None:
    public = public_index(ContentStore(tmp_path / "cache"))
    search = found(f'[[tool.uv.index]]\nurl = "{public}"\n' + uv_index(OURS, "default = true\n"), MIRROR)
    assert search.extra == (OURS,)
    assert search.default == MIRROR
    assert found(f'[[tool.uv.index]]\nurl = "{public}"\ndefault = true\n').default is None


def test_an_index_of_requirements_does_not_replace_the_public_one(found: Callable[..., Search]) -> None:
    search = found(requirements__txt=f"--index-url {OURS}\n--find-links wheels\n--no-index\n")
    assert (search.default, search.extra, search.no_index) == (None, (OURS,), False)
    assert [link.rpartition("/")[2] for link in search.links] == ["wheels"]


def test_a_url_that_is_none_is_said_of_its_file(found: Callable[..., Search]) -> None:
    with pytest.raises(DepsfirstError, match="is no URL") as caught:
        found('[[tool.uv.index]]\nname = "tea"\nurl = "https://[tea.example"\n')
    assert caught.value.where == "pyproject.toml"


def test_facts_have_no_credentials(found: Callable[..., Search]) -> None:
    ours = OURS.replace("//", f"//{LOGIN}@")
    search = found(uv_index(ours) + uv_index(MORE.replace("//", f"//{LOGIN}@"), "explicit = true\n"), ours)
    assert SECRET not in repr(search.facts)
    assert SECRET not in search.manifest(["packer"])
    assert SECRET in search.variables()["UV_INDEX"]
    assert search.facts != found(uv_index(OURS)).facts


# PDM's own settings


def test_pdms_settings_name_the_default_index(
    shop: Callable[..., Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shop(pdm__lock="", pdm__toml=f'[pypi]\nurl = "{OURS}"\n')
    (home / ".config/pdm").mkdir(parents=True)
    config = home / ".config/pdm/config.toml"
    config.write_text(f'[pypi]\nurl = "{MORE}"\nusername = "ada"\npassword = "a/b"\n[pypi.tea]\nurl = "{MIRROR}"\n')

    def told() -> list[tuple[str | None, str, str, str]]:
        return [(each.named.name, each.named.url, each.role, each.named.said) for each in pdm_indexes(discover(root))]

    assert told() == [("pypi", OURS, "default", f"{root}/pdm.toml"), ("tea", MIRROR, "open", str(config))]
    monkeypatch.setenv("PDM_PYPI_URL", "https://variable.example/simple")
    assert told()[0][1:] == ("https://ada:a%2Fb@variable.example/simple", "default", "PDM_PYPI_URL")
    monkeypatch.delenv("PDM_PYPI_URL")
    monkeypatch.setenv("PDM_PYPI_PASSWORD", "c")
    (root / "pdm.toml").write_text(f'[pypi]\nurl = "{OURS}"\nusername = "bob"\n')
    assert told()[0][1] == OURS.replace("//", "//bob:c@")
    (root / "pdm.toml").unlink()
    assert told()[0][1] == MORE.replace("//", "//ada:c@")
    monkeypatch.setenv("PDM_IGNORE_STORED_INDEX", "1")
    assert told() == []


def test_pdms_settings_complete_a_source_without_a_url(shop: Callable[..., Path]) -> None:
    source = '[[tool.pdm.source]]\nname = "tea"\ninclude_packages = ["pack*"]\n'
    root = shop(source, pdm__lock="", pdm__toml=f'[pypi]\nignore_stored_index = true\n[pypi.tea]\nurl = "{OURS}"\n')
    (index,) = pdm_indexes(discover(root))
    assert (index.named.url, index.role, index.include) == (OURS, "bound", ("pack*",))


def test_a_source_without_a_proper_name_is_passed_over(shop: Callable[..., Path]) -> None:
    source = f'[[tool.pdm.source]]\nname = ["tea"]\nurl = "{OURS}"\n'
    assert list(pdm_indexes(discover(shop(source, pdm__lock="")))) == []


def test_a_project_of_another_manager_does_not_heed_them(
    shop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDM_PYPI_URL", OURS)
    assert list(pdm_indexes(discover(shop('[tool.pdm.version]\nsource = "scm"\n')))) == []


def test_packages_come_from_the_index_that_pdm_is_told(
    shop: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", MIRROR)
    project = discover(shop(pdm__lock="", pdm__toml=f'[pypi]\nurl = "{OURS}"\n[pypi.tea]\nurl = "{MORE}"\n'))
    lock = Lock("pdm", "pdm.lock", "shop", (), {})
    tea = LockedPackage("tea", "1.0", hashes=frozenset({"a" * 64}))

    def asked(chosen: str | None = None) -> list[str]:
        found = places_of(project, lock, chosen, ContentStore(tmp_path / "cache"), Fetcher())
        return [place.url for place in found.of(tea)]

    assert asked() == [MORE, OURS]
    assert asked("https://chosen.example/simple") == [MORE, "https://chosen.example/simple"]
    monkeypatch.setenv("PDM_PYPI_URL", "https://ada:pw@variable.example/simple")
    assert asked() == [MORE, "https://variable.example/simple"]


@pytest.mark.parametrize(("text", "message"), [("a = \n", "this is no TOML"), ("a = '\udce9'", "this is not UTF-8")])
def test_settings_that_cannot_be_read_are_named(shop: Callable[..., Path], text: str, message: str) -> None:
    root = shop(pdm__lock="")
    (root / "pdm.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DepsfirstError, match=message) as caught:
        list(pdm_indexes(discover(root)))
    assert str(caught.value.where).startswith(f"{root}/pdm.toml:1")
