"""Where a package is looked for, so that nobody can put another of its name before it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from packaging.tags import Tag

from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Document, NotFoundError, RefusedError
from depsfirst.fetch.credentials import Credentials
from depsfirst.project.model import Index, Lock, LockedFile, LockedPackage, Source
from depsfirst.wheels.choose import Chooser, Target
from depsfirst.wheels.indexes.places import Place, Places
from depsfirst.wheels.indexes.user import NamedIndex, UserIndexes

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = "https://public.example/simple/"
MIRROR = "https://mirror.example/simple"
OURS = "https://ours.example/simple"
NAME = "tea-1.0-py3-none-any.whl"
WHERE = "uv.lock: package[3]"
RIGHT, WRONG = "a" * 64, "b" * 64


class Web:
    """Pages of indexes by URL; ``None`` is one that refuses."""

    def __init__(self, pages: dict[str, bytes | None]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.credentials = Credentials()

    def get(self, url: str, *, headers: dict[str, str]) -> Document:
        assert headers["Accept"]
        self.asked.append(url)
        if url not in self.pages:
            raise NotFoundError(f'"{url}" was answered with 404')
        page = self.pages[url]
        if page is None:
            raise RefusedError(f'"{url}" was answered with 401')
        return Document(page, url)


def page(sha256: str | None, name: str = NAME) -> bytes:
    hashes = {} if sha256 is None else {"sha256": sha256}
    return json.dumps({"files": [{"filename": name, "url": f"/files/{name}", "hashes": hashes}]}).encode()


def indexed(**pages: str | None) -> Web:
    return Web({f"https://{host}.example/simple/tea/": page(sha256) for host, sha256 in pages.items()})


def places(
    web: Web,
    format_name: str = "requirements",
    *indexes: Index,
    user: UserIndexes | None = None,
    default: str = PUBLIC,
    root: Path | None = None,
    **lock: Any,
) -> Places:
    from pathlib import Path

    made = Lock(format_name, "the.lock", "shop", (), {}, indexes=indexes, **lock)
    place = Place(default, said="" if default == PUBLIC else "PIP_INDEX_URL")
    return Places(made, root or Path("/project"), user or UserIndexes(), place, PUBLIC, web)  # type: ignore[arg-type]


def package(location: str | None = None, sha256: str | None = RIGHT, **more: Any) -> LockedPackage:
    hashes = frozenset({sha256} if sha256 else ())
    return LockedPackage("tea", "1.0", Source("index", location), hashes=hashes, where=WHERE, **more)


def names(found: tuple[Place, ...]) -> list[str]:
    return [place.url.split("//")[1].partition(".")[0] for place in found]


# Packages that the lock ties to an index


@pytest.mark.parametrize("format_name", ["poetry", "uv", "pipenv", "pylock", "pixi"])
def test_a_package_of_an_index_is_taken_from_nowhere_else(format_name: str) -> None:
    web = indexed(ours=WRONG, public=RIGHT, mirror=RIGHT, extra=RIGHT)
    user = UserIndexes(extra=(NamedIndex("https://extra.example/simple", "UV_INDEX"),), links=("/srv/wheels",))
    found = places(web, format_name, user=user, default=MIRROR)
    with pytest.raises(DepsfirstError, match=f'"{NAME}" of "{OURS}" is not the file that is locked') as caught:
        found.find(package(OURS), NAME, RIGHT)
    assert caught.value.where == WHERE
    assert web.asked == [f"{OURS}/tea/"]


def test_a_package_without_an_index_is_of_the_default_one_alone() -> None:
    user = UserIndexes(extra=(NamedIndex(OURS, "UV_INDEX"),), links=("/srv/wheels",))
    assert names(places(indexed(), "poetry", user=user).of(package())) == ["public"]
    assert names(places(indexed(), "poetry", user=user, default=MIRROR).of(package())) == ["mirror"]


@pytest.mark.parametrize("location", [PUBLIC, PUBLIC.rstrip("/")])
def test_in_place_of_the_public_index_stands_that_of_the_user(location: str) -> None:
    web = indexed(mirror=RIGHT)
    found = places(web, "uv", default=MIRROR)
    assert found.is_elsewhere(package(location))
    assert found.find(package(location), NAME, RIGHT).url == f"https://mirror.example/files/{NAME}"
    assert not places(web, "uv").is_elsewhere(package(location))
    assert not found.is_elsewhere(package(OURS))
    assert not found.is_elsewhere(package(None))


def test_a_mirror_that_lacks_a_file_says_who_put_it_there() -> None:
    web = Web({f"{MIRROR}/tea/": page(RIGHT, "tea-2.0-py3-none-any.whl")})
    with pytest.raises(DepsfirstError) as caught:
        places(web, "uv", default=MIRROR).find(package(PUBLIC), NAME, RIGHT)
    assert f'the index "{MIRROR}" (PIP_INDEX_URL) does not list "{NAME}"' in str(caught.value)
    assert "in whose place PIP_INDEX_URL puts another" in (caught.value.hint or "")


# Packages that are open to several


def test_extra_indexes_come_first_and_the_public_one_last() -> None:
    indexes = (Index(PUBLIC), Index(OURS))
    user = UserIndexes(extra=(NamedIndex("https://extra.example/simple", "UV_INDEX"),))
    assert names(places(indexed(), "requirements", *indexes, user=user).of(package(PUBLIC))) == [
        "ours",
        "extra",
        "public",
    ]
    swapped = (Index(OURS), Index(PUBLIC))
    assert names(places(indexed(), "requirements", *swapped, user=user).of(package(OURS))) == [
        "extra",
        "ours",
        "public",
    ]


def test_an_index_with_another_file_of_that_name_is_passed_over() -> None:
    web = indexed(ours=WRONG, public=RIGHT)
    found = places(web, "requirements", Index(OURS)).find(package(), NAME, RIGHT)
    assert found.url == f"https://public.example/files/{NAME}"
    assert found.sha256 == RIGHT


def test_without_a_hash_the_public_index_cannot_come_before_ours() -> None:
    for indexes, location in (((Index(PUBLIC), Index(OURS)), PUBLIC), ((Index(OURS), Index(PUBLIC)), OURS)):
        web = indexed(ours=RIGHT, public=WRONG)
        ((file,),) = places(web, "requirements", *indexes).listed(package(location, None), NAME.__eq__)
        assert file.sha256 == RIGHT
        assert f"{PUBLIC}tea/" not in web.asked


def test_hashes_say_which_of_several_indexes_has_it() -> None:
    web = indexed(ours=WRONG, public=RIGHT)
    ((file,),) = places(web, "requirements", Index(OURS)).listed(package(), NAME.__eq__)
    assert file.sha256 == RIGHT


def test_where_hashes_decide_further_indexes_are_asked_for_files_that_fit() -> None:
    compiled = "tea-1.0-cp311-cp311-linux_x86_64.whl"
    pages = {f"{OURS}/tea/": page(RIGHT, compiled), f"{PUBLIC}tea/": page(WRONG, NAME)}
    hashes = frozenset({RIGHT, WRONG})
    found = places(Web(dict(pages)), "requirements", Index(OURS))
    assert [file.name for files in found.listed(package()._replace(hashes=hashes), bool) for file in files] == [
        compiled,
        NAME,
    ]
    target = Target((Tag("py3", "none", "any"),), "somewhere")
    chooser = Chooser(target, found, lambda _: pytest.fail("its sha256 is told"))
    assert chooser.choose(package()._replace(hashes=hashes)).file.name == NAME
    with pytest.raises(DepsfirstError, match="no wheel"):
        chooser.choose(package(sha256=None))


def test_a_file_whose_sha256_no_index_tells_may_be_the_one() -> None:
    assert places(indexed(public=None)).find(package(), NAME, RIGHT).sha256 == RIGHT
    ((file,),) = places(indexed(public=None)).listed(package(), NAME.__eq__)
    assert file.sha256 is None


def test_one_that_refuses_is_no_reason_to_go_on() -> None:
    web = Web({f"{OURS}/tea/": None, f"{PUBLIC}tea/": page(WRONG)})
    with pytest.raises(RefusedError) as caught:
        list(places(web, "requirements", Index(OURS)).listed(package(None, None), NAME.__eq__))
    assert caught.value.where == WHERE


def test_what_no_index_has_is_said_of_all() -> None:
    with pytest.raises(DepsfirstError) as caught:
        list(places(Web({}), "requirements", Index(OURS)).listed(package(), NAME.__eq__))
    assert str(caught.value) == f'{WHERE}: none of "{OURS}" and "{PUBLIC}" has a file of "tea" 1.0'
    with pytest.raises(DepsfirstError, match="with a sha256 that the lock allows"):
        list(places(indexed(ours=WRONG), "requirements", Index(OURS)).listed(package(), NAME.__eq__))
    with pytest.raises(NotFoundError, match="404") as missing:
        list(places(Web({})).listed(package(), NAME.__eq__))
    assert missing.value.where == WHERE


# Sources of PDM


def test_a_source_of_pdm_that_includes_a_package_is_the_only_one() -> None:
    ours = Index(OURS, include=("tea*",))
    assert names(places(indexed(), "pdm", Index(PUBLIC), ours).of(package())) == ["ours"]
    coffee = LockedPackage("coffee", "1.0")
    assert names(places(indexed(), "pdm", Index(MIRROR), ours).of(coffee)) == ["mirror", "public"]


def test_a_source_of_pdm_that_excludes_a_package_is_not_asked() -> None:
    ours = Index(OURS, exclude=("te?",))
    assert names(places(indexed(), "pdm", ours).of(package())) == ["public"]
    replaced = Index(MIRROR, exclude=("tea",))
    assert names(places(indexed(), "pdm", replaced, Index(OURS)).of(package(MIRROR))) == ["ours"]


# Links


def wheel_in(folder: Path, content: bytes = b"wheel") -> str:
    folder.mkdir(exist_ok=True)
    (folder / NAME).write_bytes(content)
    (folder / "README").write_text("no archive")
    return hashlib.sha256(content).hexdigest()


def test_a_directory_beside_the_lock_is_looked_into_first(tmp_path: Path) -> None:
    sha256 = wheel_in(tmp_path / "wheels")
    web = Web({})
    found = places(web, "requirements", Index("wheels", "find-links"), root=tmp_path)
    expected = LockedFile(NAME, sha256, (tmp_path / "wheels" / NAME).as_uri())
    assert found.find(package(sha256=sha256), NAME, sha256) == expected
    assert next(found.listed(package(sha256=sha256), NAME.__eq__)) == (expected,)
    assert web.asked == []


def test_links_of_the_user_serve_open_packages(tmp_path: Path) -> None:
    sha256 = wheel_in(tmp_path / "wheels")
    user = UserIndexes(links=((tmp_path / "wheels").as_uri(),))
    assert places(Web({}), user=user).find(package(), NAME, sha256).url
    with pytest.raises(NotFoundError):
        places(Web({}), "poetry", user=user).find(package(), NAME, sha256)


def test_a_page_of_links() -> None:
    html = (
        b"""<base href="/a/"><a href="tea-1.0-py3-none-any.whl#sha256=AA">x</a> <A HREF=' b/coffee-1.0.zip '>y</A>
        <a href="%s">z</a> <a>no link</a> <a href="readme.html">no archive</a>"""
        % b"tea-1.0%2Bx.tar.gz#md5=00"
    )
    web = Web({"https://links.example/": html})
    found = places(web, "requirements", Index("https://links.example/", "find-links"))
    (files,) = found.listed(package(sha256=None), lambda _: True)
    assert files == (
        LockedFile(NAME, "aa", f"https://links.example/a/{NAME}"),
        LockedFile("coffee-1.0.zip", None, "https://links.example/a/b/coffee-1.0.zip"),
        LockedFile("tea-1.0+x.tar.gz", None, "https://links.example/a/tea-1.0%2Bx.tar.gz"),
    )


def test_links_may_be_a_file(tmp_path: Path) -> None:
    sha256 = wheel_in(tmp_path)
    (tmp_path / "links.html").write_text(f'<a href="{NAME}#sha256={sha256}">{NAME}</a>')
    url = f"https://links.example/{NAME}#sha256={sha256}"
    for place in (NAME, "links.html", url):
        found = places(Web({}), "requirements", Index(place, "find-links"), root=tmp_path)
        assert found.find(package(), NAME, sha256).sha256 == sha256


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    found = places(Web({}), "requirements", Index("wheels", "find-links"), root=tmp_path)
    with pytest.raises(DepsfirstError, match=rf'"{tmp_path}/wheels", which is to be looked for files in'):
        found.find(package(), NAME, RIGHT)


def test_an_index_that_is_a_directory_of_files(tmp_path: Path) -> None:
    """uv says so of a package that it took from ``find-links``."""
    sha256 = wheel_in(tmp_path / "wheels")
    found = places(Web({}), "uv", root=tmp_path)
    assert found.find(package((tmp_path / "wheels").as_uri()), NAME, sha256).sha256 == sha256


def test_without_an_index_only_links_are_left(tmp_path: Path) -> None:
    sha256 = wheel_in(tmp_path / "wheels")
    links = Index("wheels", "find-links")
    web = indexed(public=RIGHT)
    (place,) = places(web, "requirements", links, root=tmp_path, no_index=True).of(package())
    assert place == Place((tmp_path / "wheels").as_uri(), "find-links")
    with pytest.raises(DepsfirstError, match='there is no place to look for "tea"'):
        places(web, no_index=True).of(package())
    user = UserIndexes(no_index=True, links=(str(tmp_path / "wheels"),))
    tied = places(web, "uv", user=user)
    assert tied.is_elsewhere(package(OURS))
    assert tied.find(package(OURS), NAME, sha256).url
    assert web.asked == []
    assert not tied.is_elsewhere(package("wheels")), "a directory is no index"


# Credentials


@pytest.mark.parametrize("format_name", ["requirements", "pdm", "pipenv"])
def test_variables_of_the_environment_are_read(format_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEA_TOKEN", "s/3@#?%2f")
    web = indexed(ours=RIGHT)
    url = OURS.replace("//", "//ada:${TEA_TOKEN}@")
    found = places(web, format_name)
    assert found.find(package(url), NAME, RIGHT).url == f"https://ours.example/files/{NAME}"
    assert web.asked[0] == f"{OURS}/tea/"
    login = web.credentials.login(f"https://ours.example/files/{NAME}")
    assert login is not None
    assert (login.name, login.password, login.found) == ("ada", "s/3@#?/", "the.lock")
    assert "s/3" not in str(found.of(package(url)))
    monkeypatch.delenv("TEA_TOKEN")
    with pytest.raises(DepsfirstError, match=f'the variable "TEA_TOKEN" is not set, which stands in "{OURS}"'):
        found.of(package(url))


@pytest.mark.parametrize("format_name", ["poetry", "uv", "pylock"])
def test_variables_are_not_read_where_the_manager_does_not(format_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    url = "https://evil.example/${SECRET}/simple"
    (place,) = places(Web({}), format_name).of(package(url))
    assert place.url == url


def test_what_an_index_answers_is_not_read_for_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cr3t")
    listed = {"files": [{"filename": NAME, "url": "https://evil.example/${SECRET}", "hashes": {"sha256": RIGHT}}]}
    web = Web({f"{PUBLIC}tea/": json.dumps(listed).encode()})
    assert places(web).find(package(), NAME, RIGHT).url == "https://evil.example/${SECRET}"
