"""environment.yml and pixi.lock: what they name of a Python index, and a clear refusal of what only conda has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.locks import conda, pixi
from depsfirst.project.locks.conda import specifier
from depsfirst.project.model import Environment, Index, Lock, LockedFile, LockText, Project, Source
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]

ZERO, ONE = "0" * 64, "1" * 64
COMMIT = "0123456789abcdef" * 2 + "01234567"
ENVIRONMENT = f"""\
name: shop
channels: [conda-forge]
dependencies:
  - conda-forge::python =3.11
  - pip
  - pip:
      - a==1.0  # the first
      - b==2.0; python_version < '3.11'
      - lib @ git+https://git.example/lib@{COMMIT}
      - -e ./libs/own#egg=own
"""


def read_environment(write: Write, text: str) -> Lock:
    return read_lock(discover(write({"environment.yml": text})))


def test_what_pip_installs_into_an_environment(write: Write, chosen: Chosen) -> None:
    lock = read_environment(write, ENVIRONMENT)
    assert lock.requires_python == "==3.11.*"
    assert chosen(lock, (3, 11, 4)) == ["a==1.0", "lib", "own"]
    assert lock.packages[0].where == "environment.yml: dependencies[2].pip[0]"
    assert lock.indexes == ()
    assert Index("x").kind == "index"


def test_what_only_conda_has_is_refused(write: Write, refused: Refused) -> None:
    error = refused(read_environment, write, "dependencies: [python, numpy=1.26, 'gdal>=3', zlib, x, y, z]\n")
    assert str(error) == (
        'environment.yml: dependencies: packages of conda cannot be installed: "gdal", "numpy", "x", "y" and 2 more'
    )
    assert "name them under `pip:`" in str(error.hint)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: [", "environment.yml:2:1", "this is no YAML: "),
        ("- a\n", "environment.yml", "this must be a mapping"),
        ("[" * 200_000 + "]" * 200_000, "environment.yml", "the values are nested too deep"),
        ("- " * 200_000, "environment.yml", "the values are nested too deep"),
        ("".join(" " * number + "a:\n" for number in range(1200)), "environment.yml", "the values are nested too deep"),
        ("".join(" " * number + "a:\n" for number in range(900)), "environment.yml", "the values are nested too deep"),
        ("a: \x00", "environment.yml", "this is no YAML: "),
        ("dependencies: x", "environment.yml: dependencies", "this must be a list"),
        ("dependencies: [[]]", "environment.yml: dependencies[0]", "this is no package"),
        ("dependencies: ['!']", "environment.yml: dependencies[0]", "this is no package"),
        ("dependencies: [{pip: x}]", "environment.yml: dependencies[0]: pip", "this must be a list"),
        ("dependencies: [{pip: [a]}]", "environment.yml: dependencies[0].pip[0]", '"a" is not pinned'),
        ("dependencies: [{pip: [-r x.txt]}]", "environment.yml: dependencies[0].pip[0]", 'the option "-r" is not'),
        ("dependencies: [python=x]", "environment.yml: dependencies[0]", "Invalid specifier: '=x'"),
    ],
)
def test_what_is_no_environment(text: str, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read_environment, write, text)
    assert str(error.where).startswith(where)
    assert message in error.message


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", None),
        ("*", None),
        ("3.11", "==3.11.*"),
        ("=3.11", "==3.11.*"),
        ("=3.11.*", "==3.11.*"),
        ("=3.11.4=h955ad1f_0", "==3.11.4.*"),
        ("==3.11.4", "==3.11.4"),
        (">=3.10,<3.13", ">=3.10,<3.13"),
        (">=3.10 *_cpython", ">=3.10"),
    ],
)
def test_versions_of_python_in_the_words_of_conda(said: str, meant: str | None) -> None:
    assert specifier(said, "here") == meant


def test_a_manifest_comes_before_an_environment(write: Write) -> None:
    files = {"environment.yml": ENVIRONMENT, "pyproject.toml": '[project]\nname = "shop"\n'}
    assert discover(write(files)).lock.name == "pyproject.toml"
    assert discover(write({"environment.yaml": ENVIRONMENT, "setup.py": ""}, "other")).lock.name == "environment.yaml"


def record(name: str, version: str, *depends: str) -> str:
    lines = "".join(f"  - {each}\n" for each in depends)
    return f"- conda: https://c.example/{name}-{version}-h1_0.conda\n  sha256: {ZERO}\n" + (
        f"  depends:\n{lines}" if depends else ""
    )


def wheel(platform: str, digest: str) -> str:
    url = f"https://x.example/a-1.0-cp311-cp311-manylinux_2_17_{platform}.whl"
    return f"- pypi: {url}\n  name: a\n  version: '1.0'\n  sha256: {digest}\n"


PACKAGES = (
    record("python", "3.11.9", "libzlib >=1.3", "tzdata", "libgcc >=13")
    + record("libzlib", "1.3")
    + record("tzdata", "2026a")
    + record("pip", "24", "python >=3.9", "setuptools")
    + record("gdal", "3.9", "libzlib")
    + wheel("x86_64", ZERO)
    + wheel("aarch64", ONE)
    + "- pypi: ./\n  name: shop\n  version: '1.0'\n  editable: true\n"
    + "- pypi: ./libs/own\n  name: own\n"
    + f"- pypi: git+https://git.example/lib?rev=main#{COMMIT}\n  name: lib\n  version: '2'\n"
    + f"- pypi: direct+https://x.example/u-1.zip\n  name: u\n  version: '1'\n  sha256: {ONE}\n"
)


def listed(platform: str, *more: str) -> str:
    machine = "x86_64" if platform == "linux-64" else "aarch64"
    names = ["python-3.11.9", "libzlib-1.3", "tzdata-2026a", "pip-24"]
    lines = [f"conda: https://c.example/{name}-h1_0.conda" for name in names]
    lines += [f"pypi: https://x.example/a-1.0-cp311-cp311-manylinux_2_17_{machine}.whl", "pypi: ./", *more]
    return f"      {platform}:\n" + "".join(f"      - {line}\n" for line in lines)


def pixi_lock(default: tuple[str, ...] = (), gpu: tuple[str, ...] = (), *, version: str = "6") -> str:
    return (
        f"version: {version}\nenvironments:\n  default:\n    channels: []\n    packages:\n"
        + listed("linux-64", *default)
        + listed("linux-aarch64")
        + "  gpu:\n    packages:\n"
        + listed("linux-64", *gpu)
        + f"packages:\n{PACKAGES}"
    )


def read_pixi(write: Write, text: str) -> Lock:
    return read_lock(discover(write({"pixi.lock": text, "pyproject.toml": '[project]\nname = "shop"\n'})))


OWN = "pypi: ./libs/own"
LIB = f"pypi: git+https://git.example/lib?rev=main#{COMMIT}"
URL = "pypi: direct+https://x.example/u-1.zip"
GDAL = "conda: https://c.example/gdal-3.9-h1_0.conda"


def test_what_an_environment_of_pixi_takes_from_an_index(write: Write, chosen: Chosen) -> None:
    lock = read_pixi(write, pixi_lock((OWN, LIB), (URL,)))
    assert (sorted(lock.roots), lock.requires_python) == (["gpu", "main"], "==3.11.*")
    assert chosen(lock, (3, 11, 4)) == ["a==1.0", "lib", "own"]
    assert chosen(lock, (3, 11, 4), groups=("main", "gpu")) == ["a==1.0", "lib", "own", "u"]
    for platform, digest in (("linux/amd64", ZERO), ("linux/arm64", ONE)):
        (package,) = (each for each in select(lock, Environment((3, 11, 4), platform)).third_party if each.name == "a")
        assert [file.sha256 for file in package.files] == [digest]


def test_where_packages_of_pixi_come_from(write: Write) -> None:
    found = {package.name: package for package in read_pixi(write, pixi_lock((OWN, LIB, URL))).packages}
    assert found["lib"].source == Source("git", f"git+https://git.example/lib@{COMMIT}")
    assert found["own"].source == Source("directory", "libs/own")
    assert found["shop"].source == Source("project", ".", editable=True)
    assert found["u"].source == Source("url", "https://x.example/u-1.zip")
    assert found["u"].files == (LockedFile("u-1.zip", ONE, "https://x.example/u-1.zip"),)


def test_environments_that_need_more_of_conda(write: Write, refused: Refused) -> None:
    assert sorted(read_pixi(write, pixi_lock(gpu=(GDAL,))).roots) == ["main"]
    error = refused(read_pixi, write, pixi_lock((GDAL,)))
    assert str(error) == 'pixi.lock: environments.default: packages of conda cannot be installed: "gdal"'
    assert "`pixi add --pypi`" in str(error.hint)


def test_platforms_that_are_not_locked(write: Write, refused: Refused) -> None:
    start, _, rest = pixi_lock().partition("      linux-aarch64:")
    lock = read_pixi(write, f"{start}  gpu:{rest.partition('  gpu:')[2]}")
    assert select(lock, Environment((3, 11, 4))).third_party
    assert "not made for" in refused(select, lock, Environment((3, 11, 4), "linux/arm64")).message


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (pixi_lock(version="9"), "pixi.lock: version", 'version "9" is not known, only 5 to 7'),
        (pixi_lock(("pypi: ./none",)), "pixi.lock: environments.default.packages.linux-64[6].pypi", "no package"),
        (pixi_lock(("conda: x",)), "pixi.lock: environments.default.packages.linux-64[6].conda", "no package"),
        (pixi_lock() + "- x: y\n", "pixi.lock: packages[11]", "neither of conda nor of a Python index"),
        (pixi_lock() + "- pypi: https://x.example/z.whl\n  name: z\n", "pixi.lock: packages[11]", 'no "version"'),
        (pixi_lock() + "- pypi: git+https://x.example/z\n  name: z\n", "pixi.lock: packages[11].pypi", "no commit"),
        (pixi_lock() + "- pypi: z.whl\n  name: z\n  sha256: x\n", "pixi.lock: packages[11]", "is no sha256"),
        ("version: 6\nenvironments: {}\n", "pixi.lock: environments.default", 'there is no environment "default"'),
    ],
)
def test_what_is_no_lock_of_pixi(text: str, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read_pixi, write, text)
    assert str(error.where).startswith(where)
    assert message in error.message


@settings(max_examples=60)
@given(data=st.data())
def test_scratched_files_are_read_or_turned_down_with_a_place(data: st.DataObject) -> None:
    module, name, text = data.draw(
        st.sampled_from(((pixi, "pixi.lock", pixi_lock((OWN, LIB), (URL,))), (conda, "environment.yml", ENVIRONMENT)))
    )
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)) | st.just(len(text)))
    scratched = text[:start] + data.draw(st.text(alphabet="\"'[]{}:,-#&*!|>\n ax1%\t", max_size=6)) + text[end:]
    root = Path("/srv/shop")
    try:
        lock = module.read(LockText(name, scratched), Project(root, None, root / name, "shop"))
        select(lock, Environment((3, 11, 4)), groups=frozenset(lock.roots))
    except DepsfirstError as error:
        assert str(error.where).startswith(name), error  # noqa: PT017 - any other error is a failure, too
