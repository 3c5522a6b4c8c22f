from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import Project
from depsfirst.wheels.indexes.project import project_indexes
from depsfirst.wheels.indexes.realms import expanded, realms
from depsfirst.wheels.indexes.search import Search
from depsfirst.wheels.indexes.user import NamedIndex, user_indexes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str, str], Path]

_PREFIXES = ("UV_", "PIP_", "XDG_", "PDM_", "POETRY_", "PIPENV_", "VIRTUAL_ENV")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "shared"))
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    def written(name: str, text: str) -> Path:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written


def urls(indexes: tuple[NamedIndex, ...]) -> list[str]:
    return [index.url for index in indexes]


def default() -> str | None:
    found = user_indexes().default
    return found.url if found else None


def test_without_settings_the_public_index_is_the_default() -> None:
    assert user_indexes().default is None


def test_the_environment_comes_before_files_and_uv_before_pip(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("shared/pip/pip.conf", "[global]\nindex-url = https://shared.example\n")
    assert default() == "https://shared.example"
    write(".pip/pip.conf", "[global]\nindex-url = https://old.example\n")
    write(
        ".config/pip/pip.conf", "[global]\nindex-url = https://pip.example\n[install]\nindex_url = https://i.example\n"
    )
    assert default() == "https://i.example"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(write("other.conf", "[global]\nindex-url = https://named.example\n")))
    assert default() == "https://named.example"
    write(".config/uv/uv.toml", '[[index]]\nname = "a"\nurl = "https://uv.example"\ndefault = true\n')
    found = user_indexes().default
    assert found == NamedIndex("https://uv.example", f"{os.environ['HOME']}/.config/uv/uv.toml", "a", "uv")
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(variable, f"https://{variable}.example")
        assert user_indexes().default == NamedIndex(
            f"https://{variable}.example", variable, None, "uv" if variable.startswith("UV") else "pip"
        )


def test_pip_may_be_told_to_read_no_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".config/pip/pip.conf", "[global]\nindex-url = https://pip.example\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert default() is None


def test_uv_may_be_told_to_read_no_file_or_another(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".config/uv/uv.toml", 'index-url = "https://uv.example"\n')
    assert default() == "https://uv.example"
    monkeypatch.setenv("UV_CONFIG_FILE", str(write("other.toml", 'index-url = "https://other.example"\n')))
    assert default() == "https://other.example"
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    assert default() is None


def test_extra_indexes_are_asked_in_order(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".config/pip/pip.conf", "[global]\nextra-index-url =\n    https://a.example\n    https://b.example\n")
    write(
        ".config/uv/uv.toml",
        'extra-index-url = ["https://c.example"]\n[[index]]\nurl = "https://d.example"\n'
        '[[index]]\nname = "e"\nurl = "https://e.example"\nexplicit = true\n',
    )
    monkeypatch.setenv("UV_INDEX", "f=https://f.example https://ada:s=3@g.example")
    found = user_indexes()
    assert urls(found.extra) == [
        "https://f.example",
        "https://ada:s=3@g.example",
        "https://d.example",
        "https://c.example",
        "https://a.example",
        "https://b.example",
    ]
    assert found.extra[0] == NamedIndex("https://f.example", "UV_INDEX", "f", "uv")
    assert "https://e.example" in urls(found.named)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://h.example")
    assert urls(user_indexes().extra)[-1] == "https://h.example"


def test_links_and_no_index(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".config/pip/pip.conf", "[global]\nfind-links = /srv/wheels https://w.example/\nno-index = yes\n")
    write(".config/uv/uv.toml", 'find-links = ["/srv/more"]\n')
    found = user_indexes()
    assert found.links == ("/srv/more", "/srv/wheels", "https://w.example/")
    assert found.no_index
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    assert not user_indexes().no_index
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", "/a,/b")
    assert user_indexes().no_index
    assert user_indexes().links[:2] == ("/a", "/b")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (".config/pip/pip.conf", "no section\n", "pip's settings cannot be read"),
        (".config/uv/uv.toml", "a = \n", "uv.toml"),
    ],
)
def test_broken_settings_are_named(write: Write, name: str, text: str, message: str) -> None:
    path = write(name, text)
    with pytest.raises(DepsfirstError) as caught:
        user_indexes()
    assert message in f"{caught.value}"
    assert str(path) in f"{caught.value}"


def test_what_builds_is_installed_from_the_index_of_pips_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(".config/pip/pip.conf", "[global]\nindex-url = https://pip.example\n")
    assert Search().variables()["UV_DEFAULT_INDEX"] == "https://pip.example"
    assert Search("https://mine.example").variables()["UV_DEFAULT_INDEX"] == "https://mine.example"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example")
    assert Search().variables()["UV_DEFAULT_INDEX"] == "https://uv.example"
    assert Search("https://mine.example").variables()["UV_DEFAULT_INDEX"] == "https://mine.example"
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    write(".config/uv/uv.toml", 'index-url = "https://uv.example"\n')
    assert "UV_DEFAULT_INDEX" not in Search().variables(), "uv reads its own file"


# What a project names


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    def made(tool: dict[str, object], lock: str = "shop/uv.lock") -> Project:
        root = tmp_path / "shop"
        root.mkdir(exist_ok=True)
        return Project(root, root / "pyproject.toml", tmp_path / lock, "shop", pyproject={"tool": tool})

    return made


def named(project: Project) -> list[NamedIndex]:
    return [each.named for each in project_indexes(project)]


TEA = {"name": "tea-shop", "url": "https://tea.example/simple"}


def test_each_manager_has_its_variables(project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_TEA_SHOP_USERNAME", "uv")
    monkeypatch.setenv("UV_INDEX_TEA_SHOP_PASSWORD", "1")
    monkeypatch.setenv("POETRY_HTTP_BASIC_TEA_SHOP_USERNAME", "poetry")
    monkeypatch.setenv("POETRY_HTTP_BASIC_TEA_SHOP_PASSWORD", "2")
    for tool, login in (({"uv": {"index": [TEA]}}, ("uv", "1")), ({"poetry": {"source": [TEA]}}, ("poetry", "2"))):
        (realm,) = realms(named(project(tool)))
        assert (realm.url, realm.name, realm.password) == ("https://tea.example/simple", *login)
        assert realm.title == 'the index "tea-shop" of pyproject.toml'
        assert realm.found == " and ".join(realm.looked)


def test_variables_that_are_not_set_are_known(project: Callable[..., Project]) -> None:
    (realm,) = realms(named(project({"uv": {"index": [TEA]}})))
    assert realm.looked == ("UV_INDEX_TEA_SHOP_USERNAME", "UV_INDEX_TEA_SHOP_PASSWORD")
    assert realm.login is None


def test_a_password_alone_goes_with_the_name_in_the_url(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_TEA_SHOP_PASSWORD", "s3cr3t")
    (realm,) = realms(named(project({"uv": {"index": [TEA | {"url": "https://ada@tea.example/simple"}]}})))
    assert (realm.url, realm.name, realm.password) == ("https://tea.example/simple", "ada", "s3cr3t")


def test_indexes_of_the_workspace_count(project: Callable[..., Project], write: Write) -> None:
    write("pyproject.toml", '[[tool.uv.index]]\nname = "a"\nurl = "https://a.example"\n')
    write("uv.toml", '[[index]]\nname = "b"\nurl = "https://b.example"\n')
    write("shop/uv.toml", '[[index]]\nname = "c"\nurl = "https://c.example"\n')
    found = named(project({"uv": {"index": [TEA]}}, lock="uv.lock"))
    assert [index.name for index in found] == ["tea-shop", "a", "c", "b"]


def test_what_managers_keep_in_files(project: Callable[..., Project], write: Write) -> None:
    auth = write(".config/pypoetry/auth.toml", '[http-basic.tea-shop]\nusername = "ada"\npassword = "s3cr3t"\n')
    (realm,) = realms(named(project({"poetry": {"source": [TEA]}})))
    assert (realm.name, realm.password, realm.found) == ("ada", "s3cr3t", str(auth))
    config = write(".config/pdm/config.toml", '[pypi.tea-shop]\nusername = "bob"\npassword = "s3cr3t"\n')
    (realm,) = realms(named(project({"pdm": {"source": [TEA]}})))
    assert (realm.name, realm.password, realm.found) == ("bob", "s3cr3t", str(config))
    assert realm.looked == (str(config),)


def test_variables_in_urls_of_pdm(project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> None:
    tool = {"pdm": {"source": [TEA | {"url": "https://${TEA_NAME}:${TEA_TOKEN}@tea.example/simple"}]}}
    monkeypatch.setenv("TEA_NAME", "ada")
    monkeypatch.setenv("TEA_TOKEN", "s3cr3t")
    (realm,) = realms(named(project(tool)))
    assert (realm.url, realm.name, realm.password) == ("https://tea.example/simple", "ada", "s3cr3t")


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(DepsfirstError) as caught:
        expanded("https://ada:${TEA_TOKEN}@tea.example/simple", "Pipfile.lock: _meta")
    assert str(caught.value) == (
        'Pipfile.lock: _meta: the variable "TEA_TOKEN" is not set, which stands in "https://tea.example/simple"'
    )
    assert expanded("https://tea.example/$HOME", "") == "https://tea.example/$HOME"
