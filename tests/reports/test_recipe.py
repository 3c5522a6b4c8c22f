"""The recipe as text: canonical, read back as itself, and what changed of it since a commit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import tomli
from packaging.pylock import Pylock

from depsfirst.cli import main
from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import Environment, LockedFile, LockedPackage, Recipe, Source
from depsfirst.project.selection import select
from depsfirst.reports.recipe import Selected, as_json, as_pylock, as_requirements, changes
from depsfirst.reports.recipes import Wanted, selected, selected_before

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/project/fixtures"
HERE = Environment((3, 12, 1), "linux/amd64")
ZERO, ONE = "0" * 64, "1" * 64
COMMIT = "0123456789abcdef" * 2 + "01234567"


def selected_of(*packages: LockedPackage, **first_party: str) -> Selected:
    libraries = tuple(LockedPackage(name, "1", Source("directory", path)) for name, path in first_party.items())
    return Selected("x.lock", HERE, ("main",), (), Recipe(packages, libraries))


def wheel(name: str, version: str, digest: str = ZERO) -> LockedPackage:
    file = LockedFile(f"{name}-{version}-py3-none-any.whl", digest, f"https://files.example/{name}-{version}.whl", 7)
    return LockedPackage(name, version, files=(file,), where="x.lock: package[0]")


def direct(name: str, kind: Any, location: str, digest: str | None = None) -> LockedPackage:
    files = (LockedFile(location.rpartition("/")[2], digest, location),) if digest else ()
    return LockedPackage(name, None, Source(kind, location), files, where="x.lock: package[0]")


@pytest.mark.parametrize(
    ("files", "minor"),
    [
        ({}, 13),
        ({".python-version": "3.12\n", "pyproject.toml": '[tool.depsfirst]\nbase = "deb:bookworm"\n'}, 12),
        ({"pyproject.toml": '[tool.depsfirst]\nbase = "deb:bookworm"\n'}, 11),
        ({"pyproject.toml": '[tool.depsfirst]\nbase = "hub.example/python:3.10-slim"\n'}, 10),
        ({"pyproject.toml": '[tool.depsfirst]\nbase = "oci:base"\n'}, 13),
        ({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.14"\n'}, 14),
        ({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = "<3.13"\n'}, 12),
    ],
)
def test_the_python_is_that_of_the_image(files: dict[str, str], minor: int, tmp_path: Path) -> None:
    for name, text in {"requirements.txt": "six==1.17.0\n", **files}.items():
        (tmp_path / name).write_text(text)
    assert selected(Wanted(tmp_path)).environment.python[:2] == (3, minor)


def test_requirements_have_one_form() -> None:
    text = as_requirements(
        selected_of(
            LockedPackage("a", "1", hashes=frozenset({ONE, ZERO})),
            direct("b", "git", f"git+https://git.example/b@{COMMIT}"),
            direct("c", "url", "https://files.example/c.zip", ONE),
            direct("d", "file", "wheels/d-1-py3-none-any.whl", ONE),
            lib="libs/lib",
        )
    )
    head, digest, *lines = text.splitlines()
    assert head == "# Python 3.12 on linux/amd64, groups main"
    assert digest.startswith("# recipe sha256:")
    assert lines == [
        "a==1 \\",
        f"    --hash=sha256:{ZERO} \\",
        f"    --hash=sha256:{ONE}",
        f"b @ git+https://git.example/b@{COMMIT}",
        "c @ https://files.example/c.zip \\",
        f"    --hash=sha256:{ONE}",
        "./wheels/d-1-py3-none-any.whl \\",
        f"    --hash=sha256:{ONE}",
        "# first-party: lib in libs/lib",
    ]


@pytest.mark.parametrize("folder", [path for path in sorted(FIXTURES.iterdir()) if path.name != "pipenv"])
def test_printed_requirements_have_the_recipe_they_were_printed_from(folder: Path, tmp_path: Path) -> None:
    place = folder / "packages/app" if folder.name == "uv_workspace" else folder
    now = selected(Wanted(place, python="3.12.1", platform="linux/amd64"))
    (tmp_path / "requirements.txt").write_text(as_requirements(now))
    again = select(read_lock(discover(tmp_path)), HERE)
    assert again.digest == now.recipe.digest


@pytest.mark.parametrize("name", ["uv_forks", "pylock", "pdm_graph"])
def test_a_printed_pylock_is_one_and_has_the_recipe(name: str, tmp_path: Path) -> None:
    now = selected(Wanted(FIXTURES / name, python="3.12.1", platform="linux/arm64"))
    text = as_pylock(now)
    assert len(Pylock.from_dict(tomli.loads(text)).packages) == len(now.recipe.third_party)
    (tmp_path / "pylock.toml").write_text(text)
    environment = Environment((3, 12, 9), "linux/arm64")
    assert select(read_lock(discover(tmp_path)), environment).digest == now.recipe.digest
    with pytest.raises(DepsfirstError, match=r"not made for Python 3\.12\.9 on linux/amd64"):
        select(read_lock(discover(tmp_path)), environment._replace(platform="linux/amd64"))


def test_a_pylock_of_what_has_no_file() -> None:
    text = as_pylock(
        selected_of(
            direct("b", "git", f"git+https://git.example/b@{COMMIT}#subdirectory=x"),
            direct("c", "url", "https://files.example/c.zip", ONE),
            direct("d", "file", "wheels/d.whl", ONE),
        )
    )
    vcs, archive, file = Pylock.from_dict(tomli.loads(text)).packages
    assert vcs.vcs is not None
    assert (vcs.vcs.commit_id, vcs.vcs.subdirectory) == (COMMIT, "x")
    assert (archive.archive is not None, file.archive is not None) == (True, True)


def test_a_pylock_needs_places() -> None:
    with pytest.raises(DepsfirstError) as caught:
        as_pylock(selected_of(LockedPackage("a", "1", hashes=frozenset({ONE}), where="x.lock: package[3]")))
    assert (caught.value.where, caught.value.hint) == ("x.lock: package[3]", "print it with --format requirements")


def test_passwords_that_stand_in_a_lock_are_in_no_form() -> None:
    secret = "ada:s3cr3t@"
    tea = wheel("tea", "1")._replace(source=Source("index", f"https://{secret}x.example/simple"))
    tea = tea._replace(files=(tea.files[0]._replace(url=f"https://{secret}x.example/tea-1.whl"),))
    packages = [
        tea,
        direct("coffee", "url", f"https://{secret}x.example/coffee-1.zip", ONE),
        direct("milk", "git", f"git+https://{secret}x.example/milk@{COMMIT}"),
        direct("sugar", "git", f"git+https://${{TOKEN}}@x.example/sugar@{COMMIT}"),
        direct("salt", "git", f"git+ssh://git@x.example/salt@{COMMIT}"),
    ]
    chosen = selected_of(*packages)
    for text in (as_requirements(chosen), as_pylock(chosen), as_json(chosen), str(changes(Recipe(()), chosen.recipe))):
        assert "s3cr3t" not in text
        assert "${TOKEN}@x.example/sugar" in text
        assert "ssh://git@x.example/salt" in text
    plain = [
        each._replace(source=Source(each.source.kind, (each.source.location or "").replace(secret, "")))
        for each in packages
    ]
    assert selected_of(*plain).recipe.digest == chosen.recipe.digest


def test_what_changed() -> None:
    before = Recipe((wheel("a", "1"), wheel("b", "1"), wheel("c", "1"), wheel("d", "1")))
    after = Recipe((wheel("a", "1"), wheel("b", "2"), wheel("d", "1", ONE), wheel("e", "5")))
    assert [tuple(change) for change in changes(before, after)] == [
        ("changed", "b", "1", "2"),
        ("removed", "c", "1", None),
        ("files", "d", "1", "1"),
        ("added", "e", None, "5"),
    ]
    assert changes(after, after) == ()


# As it was in a commit


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., Path]:
    """``history({"a.txt": "…"}, …)`` is a repository with a commit for each of the trees; None takes a file away."""

    def made(*trees: dict[str, str | None]) -> Path:
        root = tmp_path / "repository"
        root.mkdir()
        git(root, "init", "--quiet")
        for number, tree in enumerate(trees):
            for name, text in tree.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink() if text is None else path.write_text(text)
            git(root, "add", "--all")
            git(root, "commit", "--quiet", "--allow-empty", "-m", f"{number}")
        return root

    return made


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@x.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def before(place: Path, revision: str, **more: Any) -> list[str]:
    wanted = Wanted(place, python="3.12", platform="linux/amd64", **more)
    old = selected_before(wanted, selected(wanted), revision).recipe
    return [f"{package.name}=={package.version}" for package in old.third_party]


def test_the_recipe_of_an_earlier_commit(history: Callable[..., Path]) -> None:
    root = history(
        {
            "requirements.txt": "-r common/base.txt\nb==1",
            "common/base.txt": "-r more.txt\na==1",
            "common/more.txt": "c==1",
        },
        {"requirements.txt": "a==2", "common/base.txt": None},
    )
    assert before(root, "HEAD~1") == ["a==1", "b==1", "c==1"]
    assert before(root, "HEAD") == ["a==2"]


def test_a_project_below_the_root_and_its_workspace_above(history: Callable[..., Path]) -> None:
    files = {
        str(path.relative_to(FIXTURES / "uv_workspace")): path.read_text()
        for path in (FIXTURES / "uv_workspace").rglob("*.*")
        if path.is_file() and path.name != "expected.json"
    }
    root = history({f"deep/{name}": text for name, text in files.items()})
    place = root / "deep/packages/app"
    wanted = Wanted(place, python="3.12.1", platform="linux/amd64")
    now = selected(wanted)
    assert now.recipe.third_party
    assert selected_before(wanted, now, "HEAD").recipe == now.recipe


def test_the_lock_that_the_settings_name_and_groups_that_came_later(history: Callable[..., Path]) -> None:
    manifest = '[project]\nname = "shop"\n[tool.depsfirst]\nlock = "locks/prod.txt"\n'
    root = history({"pyproject.toml": manifest, "locks/prod.txt": "a==1"})
    shutil.copytree(FIXTURES / "pdm_flat", root, dirs_exist_ok=True)
    assert before(root, "HEAD", groups=("dev",), extras=("fast",)) == ["a==1"]


def test_no_lock_at_that_commit(history: Callable[..., Path]) -> None:
    root = history({"setup.py": ""}, {"requirements.txt": "a==1"})
    wanted = Wanted(root, python="3.12", platform="linux/amd64")
    with pytest.raises(DepsfirstError, match="there is no lock in HEAD~1") as caught:
        selected_before(wanted, selected(wanted), "HEAD~1")
    assert "depsfirst-" not in str(caught.value.where)
    with pytest.raises(DepsfirstError, match='there is no revision "v9"'):
        selected_before(wanted, selected(wanted), "v9")


# The verb


def test_pins_without_hashes_may_not_be_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for hashes, warned in (("", True), (f" --hash=sha256:{'a' * 64}", False)):
        (tmp_path / "requirements.txt").write_text(f"flask==3.0.0{hashes}\n")
        with pytest.raises(SystemExit) as left:
            main(["recipe", str(tmp_path), "--python", "3.12"])
        out, err = capsys.readouterr()
        assert left.value.code == 0
        assert "flask==3.0.0" in out
        assert ("requirements.txt has pins without hashes" in err) == warned


def test_without_a_lock_the_hint_tells_of_build(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    with pytest.raises(SystemExit):
        main(["recipe", str(tmp_path), "--python", "3.12"])
    assert "hint: run `uv pip compile setup.py --generate-hashes -o requirements.txt`; `depsfirst build`" in (
        capsys.readouterr().err
    )


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``say("--extra", "fast")`` is what the verb prints."""

    def said(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            main(["recipe", *words])
        out, err = capsys.readouterr()
        assert left.value.code == 0, err
        return out

    return said


def test_the_verb_prints_the_recipe(say: Callable[..., str]) -> None:
    place = str(FIXTURES / "pdm_flat")
    main_only = say(place, "--python", "3.12", "--platform", "linux/amd64")
    assert "\ncachetools==" not in main_only
    everything = say(place, "--python", "3.12", "--platform", "linux/amd64", "--extra", "fast", "--group", "lint")
    assert "\ncachetools==" in everything
    assert "\nmccabe==" in everything
    assert everything.startswith("# Python 3.12 on linux/amd64, groups main lint, extras fast\n")


def test_objects_are_as_the_schema_has_them(say: Callable[..., str], history: Callable[..., Path]) -> None:
    schema = json.loads((ROOT / "docs/schema/recipe.json").read_text())
    root = history({"requirements.txt": "a==1"}, {"requirements.txt": f"a==2\nb @ git+https://x.example/b@{COMMIT}"})
    plain = json.loads(say(str(root), "--format", "json"))
    diff = json.loads(say(str(root), "--format", "json", "--diff", "HEAD~1"))
    for value in (plain, diff):
        jsonschema.validate(value, schema)
    assert [each["kind"] for each in diff["changes"]] == ["changed", "added"]
    assert set(plain) | set(diff) == set(schema["properties"])


def test_the_verb_says_what_changed(say: Callable[..., str], history: Callable[..., Path]) -> None:
    root = history(
        {"requirements.txt": "a==1\nc==1"}, {"requirements.txt": "a==2\nb==1", "README": "x"}, {"README": "y"}
    )
    head, *lines = say(str(root), "--diff", "HEAD~2", "--python", "3.12", "--platform", "linux/arm64").splitlines()
    assert head == "# Python 3.12 on linux/arm64, groups main: 3 packages changed since HEAD~2"
    assert lines == ["~ a 1 -> 2", "+ b 1", "- c 1"]
    assert say(str(root), "--diff", "HEAD~1").endswith("groups main: nothing changed since HEAD~1\n")


def test_json_of_what_was_selected() -> None:
    value = json.loads(as_json(selected_of(wheel("a", "1"), lib="libs/lib")))
    assert value["first_party"] == [{"name": "lib", "path": "libs/lib"}]
    assert value["packages"] == [{"name": "a", "version": "1", "source": None, "hashes": [f"sha256:{ZERO}"]}]
