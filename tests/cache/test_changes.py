"""The edits that stand for themselves, and the contexts after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.cache.changes import Change, Edit, given
from depsfirst.cache.checkout import Disk
from depsfirst.cache.main_module import code_edit, readme_edit
from depsfirst.cache.manifests import Place, places
from depsfirst.cache.version_lines import risen, version_bump
from depsfirst.dockerfile.buildkit import CURRENT
from depsfirst.dockerfile.filetree import Entry
from depsfirst.dockerfile.selection import same_content, select
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError
from depsfirst.project.toml import parse as parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from depsfirst.dockerfile.context import Context

DOCKERFILE = "FROM python:3.12-slim\nCOPY . .\n"
UV_LOCK = """version = 1
requires-python = ">=3.11"

[[package]]
name = "idna"
version = "0.1.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "shop"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "idna" }]
"""


def written(folder: Path, files: Mapping[str, str]) -> Context:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Disk().context(str(folder), None, CURRENT)


def found(
    folder: Path, files: Mapping[str, str], dockerfile: str = DOCKERFILE, name: str = "Dockerfile"
) -> list[Place]:
    context = written(folder, files)

    def texts(path: str) -> str | None:
        file = folder / path
        return file.read_text() if file.is_file() else None

    return places(context, texts, outline(parse(dockerfile)), name)


def bump(folder: Path, files: Mapping[str, str], dockerfile: str = DOCKERFILE) -> dict[str, str | None]:
    return {edit.path: edit.after for edit in version_bump(found(folder, files, dockerfile)).edits}


def code(folder: Path, files: Mapping[str, str], dockerfile: str = DOCKERFILE, name: str = "Dockerfile") -> Change:
    there = found(folder, files, dockerfile, name)
    context = there[0].context if there else written(folder, {})
    return code_edit(context, there, outline(parse(dockerfile)))


# The context after


def test_an_edit_is_seen_where_the_file_is_read_and_nowhere_else(tmp_path: Path) -> None:
    before = written(tmp_path, {"src/shop.py": "", "README.md": "", "docs/a": ""})
    after = given(["src/shop.py"], {"": str(tmp_path)}).apply(before)
    for sources, same in (
        (["src"], False),
        (["src/*.py"], False),
        (["README.md"], True),
        (["."], False),
        (["docs"], True),
    ):
        assert same_content(select(before, sources), select(after, sources)) is same


def test_a_new_file_a_directory_and_all_of_the_context_can_be_edited(tmp_path: Path) -> None:
    before = written(tmp_path, {"src/shop.py": "", "src/sub/a.py": "", "README.md": ""})
    (tmp_path / "empty").mkdir()
    for path, seen in (("src/new.py", {"src", "."}), ("src", {"src", "src/sub", "."}), ("empty", {"empty", "."})):
        after = given([path], {"": str(tmp_path)}).apply(before)
        for source in ("src", "src/sub", "README.md", ".", "empty"):
            same = same_content(select(before, [source]), select(after, [source]))
            assert same is (source not in seen), (path, source)
    everything = given(["."], {"": str(tmp_path)}).apply(before)
    assert not same_content(select(before, ["README.md"]), select(everything, ["README.md"]))


def test_an_edit_goes_through_a_symlink(tmp_path: Path) -> None:
    before = written(tmp_path, {"docs/readme.md": ""})
    (tmp_path / "README.md").symlink_to("docs/readme.md")
    (tmp_path / "broken").symlink_to("nowhere")
    after = given(["README.md", "broken"], {"": str(tmp_path)}).apply(before)
    assert after.find("README.md") == before.find("README.md")
    changed, broken = after.find("docs/readme.md"), after.find("broken")
    assert isinstance(changed, Entry)
    assert changed.digest
    assert isinstance(broken, Entry)
    assert broken.link != "nowhere"


def test_a_path_is_an_edit_of_each_context_that_it_is_in(tmp_path: Path) -> None:
    main, sdk = tmp_path / "app", tmp_path / "sdk"
    contexts = {"": str(main), "sdk": str(sdk), "inner": str(main / "inner")}
    before = written(main, {"inner/a": ""})
    change = given(["../sdk/pyproject.toml", "inner/a", str(sdk / "b")], contexts)
    assert change.paths == ("sdk:pyproject.toml", "inner/a", "inner:a", "sdk:b")
    assert change.apply(before, "sdk") is not before
    assert change.apply(before, "other") is before


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "a/../../b"])
def test_a_path_outside_of_every_context_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(DepsfirstError, match="outside the build context") as caught:
        given([path], {"": str(tmp_path)})
    assert path in caught.value.message


# The version


@pytest.mark.parametrize(
    ("version", "after"),
    [("1.2.3", "1.2.4"), ("0", "1"), ("1.9", "1.10"), ("2.0.0rc1", "2.0.0rc2"), ("1.0.dev0", "1.0.dev1"), ("x", "x.1")],
)
def test_a_version_rises(version: str, after: str) -> None:
    assert risen(version) == after


def test_the_manifest_and_the_locks_own_entry_change_together(tmp_path: Path) -> None:
    manifest = '[project]\nname = "shop"  # the shop\nversion = "0.1.0"  # now\n\n[tool.x]\nversion = "0.1.0"\n'
    after = bump(tmp_path, {"pyproject.toml": manifest, "uv.lock": UV_LOCK})
    assert after["pyproject.toml"] == manifest.replace('"0.1.0"  # now', '"0.1.1"  # now')
    lock = after["uv.lock"]
    assert lock is not None
    assert parse_toml(lock, "uv.lock")["package"][1]["version"] == "0.1.1"
    assert parse_toml(lock, "uv.lock")["package"][0]["version"] == "0.1.0"


def test_a_member_of_a_workspace_has_its_entry_in_the_lock_above(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend"]\n',
        "uv.lock": UV_LOCK.replace('"."', '"backend"'),
        "backend/pyproject.toml": '[project]\nname = "shop"\nversion = "0.1.0"\n',
    }
    change = version_bump(found(tmp_path, files, DOCKERFILE, "backend/Dockerfile"))
    assert change.paths == ("backend/pyproject.toml", "uv.lock")
    copied = "FROM x\nCOPY backend/pyproject.toml /app/\n"
    assert version_bump(found(tmp_path, {}, copied)).paths == ("backend/pyproject.toml", "uv.lock")


@pytest.mark.parametrize(
    ("manifest", "files", "edited"),
    [
        ('[tool.poetry]\nname = "shop"\nversion = "1.0"\n', {"poetry.lock": ""}, ["pyproject.toml"]),
        ('[project]\nname="shop"\ndynamic=["version"]\n[tool.hatch.version]\npath="a.py"\n', {}, ["a.py"]),
        ('[project]\nname="shop"\n[tool.pdm.version]\nsource="file"\npath="a.py"\n', {}, ["a.py"]),
        (
            '[project]\nname="shop"\n[tool.setuptools.dynamic]\nversion={attr="shop.__version__"}\n',
            {},
            ["shop/__init__.py"],
        ),
        ('[project]\nname="shop"\n[tool.setuptools.dynamic]\nversion={file="VERSION"}\n', {}, ["VERSION"]),
        ('[project]\nname="shop"\n[build-system]\nrequires=["flit_core"]\n', {}, ["shop/__init__.py"]),
        ('[project]\nname="shop"\n[build-system]\nrequires=["maturin"]\n', {}, ["Cargo.toml"]),
        ('[project]\nname="shop"\n[build-system]\nrequires=["hatch-vcs"]\n', {}, [".git/HEAD"]),
        (None, {"setup.cfg": "[metadata]\nname = shop\nversion = 1.0\n"}, ["setup.cfg"]),
        (None, {"setup.cfg": "[metadata]\nname = shop\nversion = attr: shop.__version__\n"}, ["shop/__init__.py"]),
        (None, {"setup.py": "setup(name='shop', version='1.0')"}, ["setup.py"]),
        (None, {"setup.py": "setup(name='shop', version=read())"}, ["shop/__init__.py"]),
    ],
)
def test_a_version_is_found_where_the_backend_finds_it(
    tmp_path: Path, manifest: str | None, files: dict[str, str], edited: list[str]
) -> None:
    there = {
        "a.py": '__version__ = "1.0"\n',
        "VERSION": "1.0\n",
        "Cargo.toml": '[package]\nversion = "1.0"\n',
        "shop/__init__.py": '"""Shop."""\n\n__version__ = "1.0"\n',
        ".git/HEAD": "ref: refs/heads/main\n",
    }
    after = bump(tmp_path, {**there, **files, **({"pyproject.toml": manifest} if manifest else {})})
    assert list(after) == edited
    assert edited == [".git/HEAD"] or "1.1" in str(after[edited[0]])


def test_without_a_git_directory_a_version_from_git_edits_nothing(tmp_path: Path) -> None:
    manifest = '[project]\nname="shop"\ndynamic=["version"]\n[build-system]\nrequires=["setuptools-scm"]\n'
    change = version_bump(found(tmp_path, {"pyproject.toml": manifest}))
    assert change.edits == ()
    assert "git" in change.origin


def test_an_unusual_spelling_leaves_the_new_text_unknown(tmp_path: Path) -> None:
    assert bump(tmp_path, {"pyproject.toml": 'project = { name = "shop", version = """0.1.0""" }\n'}) == {
        "pyproject.toml": None
    }


@pytest.mark.parametrize("files", [{}, {"requirements.txt": "idna==3.10\n"}])
def test_no_version_is_said(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(DepsfirstError, match="no version") as caught:
        version_bump(found(tmp_path, files))
    assert caught.value.hint


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError) as caught:
        version_bump(found(tmp_path, {"pyproject.toml": "[project\n"}))
    assert str(caught.value.where).startswith("pyproject.toml:1")


# The code


@pytest.mark.parametrize(
    ("files", "main"),
    [
        (
            {
                "pyproject.toml": '[project]\nname="shop"\n[project.scripts]\ns = "shop.cli:main"\n',
                "src/shop/cli.py": "",
            },
            "src/shop/cli.py",
        ),
        ({"pyproject.toml": '[tool.poetry.scripts]\ns = "shop:main"\n', "shop/__init__.py": ""}, "shop/__init__.py"),
        (
            {"pyproject.toml": '[project]\nname="my-shop"\n', "src/my_shop/b.py": "", "src/my_shop/main.py": ""},
            "src/my_shop/main.py",
        ),
        (
            {
                "pyproject.toml": '[project]\nname="x"\n[tool.hatch.build.targets.wheel]\npackages=["py/app"]\n',
                "py/app/z.py": "",
            },
            "py/app/z.py",
        ),
        ({"requirements.txt": "", "app/main.py": "", "zzz.py": ""}, "app/main.py"),
        ({"setup.py": "setup(name='shop')", "shop/__init__.py": ""}, "shop/__init__.py"),
        ({"requirements.txt": "", "tests/test_a.py": "", "bot/deep/b.py": "", "bot/core.py": ""}, "bot/core.py"),
    ],
)
def test_the_main_module_is_what_the_project_says(tmp_path: Path, files: dict[str, str], main: str) -> None:
    change = code(tmp_path, files)
    assert change.paths == (main,)
    assert change.origin


def test_the_module_that_most_instructions_read_stands_in(tmp_path: Path) -> None:
    files = {"a/one.py": "", "b/two.py": "", "c/three.py": ""}
    assert code(tmp_path, files, "FROM x\nCOPY b /b\nCOPY . .\nRUN --mount=source=b,target=/b true\n").paths == (
        "b/two.py",
    )


def test_a_module_that_is_sent_goes_before_one_that_is_left_out(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname="shop"\n[project.scripts]\na = "dev.cli:main"\nb = "shop.cli:main"\n',
        "dev/cli.py": "",
        "shop/cli.py": "",
        ".dockerignore": "dev\n",
    }
    assert code(tmp_path, files).paths == ("shop/cli.py",)
    assert code(tmp_path, {".dockerignore": "**/*.py\n"}).paths == ("dev/cli.py",)


def test_the_project_that_the_dockerfile_stands_in_goes_first(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "main.py": "", "backend/requirements.txt": "", "backend/app.py": ""}
    assert code(tmp_path, files, DOCKERFILE, "backend/Dockerfile").paths == ("backend/app.py",)
    assert code(tmp_path, files, "FROM x\nCOPY backend/requirements.txt /\n", "docker/Dockerfile").paths == (
        "backend/app.py",
    )
    assert code(tmp_path, files).paths == ("main.py",)


def test_no_python_is_said(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="no Python file"):
        code(tmp_path, {"requirements.txt": ""})


# The readme


@pytest.mark.parametrize(
    ("files", "readme"),
    [
        (
            {"pyproject.toml": '[project]\nreadme = "docs/about.md"\n', "docs/about.md": "", "README.md": ""},
            "docs/about.md",
        ),
        ({"pyproject.toml": '[project]\nreadme = {file = "A.md"}\n', "A.md": ""}, "A.md"),
        ({"pyproject.toml": '[tool.poetry]\nreadme = ["A.md", "B.md"]\n', "B.md": ""}, "B.md"),
        ({"pyproject.toml": "", "Readme.rst": ""}, "Readme.rst"),
        ({"README": ""}, "README"),
    ],
)
def test_the_readme_is_the_one_that_the_manifest_names(tmp_path: Path, files: dict[str, str], readme: str) -> None:
    there = found(tmp_path, files)
    root = Place(written(tmp_path, {}), lambda _: None, "")
    assert readme_edit(there, root).paths == (readme,)


def test_no_readme_is_said(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="no readme"):
        readme_edit([], Place(written(tmp_path, {}), lambda _: None, ""))


def test_texts_after_are_those_that_are_known() -> None:
    change = Change("paths", (Edit("a", "1", "2"), Edit("b", "1"), Edit("c", None, "3", "sdk")))
    assert change.texts() == {"a": "2"}
    assert change.texts("sdk") == {"c": "3"}
