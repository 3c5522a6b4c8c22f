from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.project.discover import discover, discover_library, lock_fingerprint, read_lock
from depsfirst.project.manifest import is_computed

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]

FIXTURES = Path(__file__).parent / "fixtures"
MANIFEST = '[project]\nname = "shop"\nversion = "1.0"\n'
UV_LOCK = """version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1.0"
source = { editable = "." }
"""


def test_the_lock_of_a_manager_is_found(write: Write) -> None:
    root = write(
        {"pyproject.toml": MANIFEST, "uv.lock": UV_LOCK, "requirements.txt": "a==1", ".python-version": "3.12"}
    )
    project = discover(root)
    assert (project.root, project.lock) == (root, root / "uv.lock")
    assert (project.name, project.python_version) == ("shop", "3.12")
    assert read_lock(project).packages[0].source.kind == "project"


def test_the_root_is_absolute(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write({"requirements.txt": ""}))
    assert discover(Path()).root == Path.cwd()


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.12\n", "3.12"), ("# pinned\n\n3.11.4 # here\n3.10\n", "3.11.4"), ("\n# none\n", None)],
)
def test_the_first_entry_of_python_version_counts(text: str, version: str | None, write: Write) -> None:
    assert discover(write({"requirements.txt": "", ".python-version": text})).python_version == version


def test_two_locks_are_ambiguous(write: Write, refused: Refused) -> None:
    root = write({"pyproject.toml": MANIFEST, "uv.lock": UV_LOCK, "poetry.lock": ""})
    error = refused(discover, root)
    assert error.message == "there are several locks: poetry.lock, uv.lock"
    assert error.hint is not None
    assert '[tool.depsfirst] lock = "poetry.lock"' in error.hint


def test_the_settings_choose_the_lock(write: Write) -> None:
    files = {"uv.lock": UV_LOCK, "poetry.lock": "", "requirements/prod.txt": "a==1"}
    for name in files:
        root = write({"pyproject.toml": f'{MANIFEST}[tool.depsfirst]\nlock = "{name}"', **files})
        assert discover(root).lock == root / name
    assert read_lock(discover(root)).packages[0].where == "requirements/prod.txt:1"


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ("uv.lock", 'there is no file "uv.lock"'),
        ("lock.yaml", '"lock.yaml" is of no known format'),
        ("", 'no "lock"'),
    ],
)
def test_a_lock_that_cannot_be_chosen(lock: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(discover, write({"pyproject.toml": f'{MANIFEST}[tool.depsfirst]\nlock = "{lock}"'}))
    assert (error.where, error.message) == ("pyproject.toml: tool.depsfirst.lock", message)


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({}, "there is no Python project here", "a project has pyproject.toml or requirements.txt"),
        ({"pyproject.toml": MANIFEST}, "there is no lock", "run `uv lock`"),
        ({"pyproject.toml": '[tool.poetry]\nname = "a"'}, "there is no lock", "run `poetry lock`"),
        ({"pyproject.toml": f"{MANIFEST}[tool.pdm]"}, "there is no lock", "run `pdm lock`"),
        (
            {"pyproject.toml": f"{MANIFEST}dynamic = ['dependencies']\n[build-system]\nrequires = []"},
            "there is no lock",
            "run `uv lock`",
        ),
        ({"setup.py": "", "Pipfile": ""}, "there is no lock", "run `pipenv lock`"),
        (
            {"pyproject.toml": MANIFEST, "requirements.in": "a"},
            "there is no lock",
            "run `uv pip compile requirements.in --generate-hashes -o requirements.txt`",
        ),
        ({"Pipfile": ""}, "there is no lock", "run `pipenv lock`"),
        ({"setup.py": ""}, "there is no lock", "run `uv pip compile setup.py --generate-hashes -o requirements.txt`"),
        (
            {"setup.cfg": "", "pyproject.toml": "[tool.ruff]"},
            "there is no lock",
            "run `uv pip compile setup.cfg --generate-hashes -o requirements.txt`",
        ),
        ({"pyproject.toml": "[tool.uv.workspace]"}, "there is no lock", "run `uv lock`"),
        (
            {"pyproject.toml": "[tool.ruff]"},
            "there is no Python project here",
            "a project has pyproject.toml or requirements.txt",
        ),
        (
            {"pyproject.toml": "[tool.ruff]", "requirements-container.txt": ""},
            "there is no Python project here",
            'is it the lock? Then name it in pyproject.toml: [tool.depsfirst] lock = "requirements-container.txt"',
        ),
        (
            {"shop/pyproject.toml": MANIFEST, "till/requirements.txt": "", "docs/pyproject.toml": "[tool.ruff]"},
            "there is no Python project here",
            "there are some below: shop, till; name one: --package shop",
        ),
        (
            {f"{name}/setup.py": "" for name in "abcdefgh"},
            "there is no Python project here",
            "there are some below: a, b, c, d, e, f and 2 more; name one: --package a",
        ),
    ],
)
def test_what_is_missing_is_said_with_the_way_out(
    files: dict[str, str], message: str, hint: str, write: Write, refused: Refused
) -> None:
    root = write(files)
    error = refused(lambda: read_lock(discover(root)))
    assert (error.message, error.hint) == (message, hint)
    assert str(error.where).startswith(str(root))


def test_a_file_is_no_directory(write: Write, refused: Refused) -> None:
    path = write({"requirements.txt": ""}) / "requirements.txt"
    assert str(refused(discover, path)) == f"{path}: this is not a directory"


def test_what_is_not_utf_8_is_placed(write: Write, refused: Refused) -> None:
    root = write({})
    (root / "pyproject.toml").write_bytes(b"[project]\nname = 'caf\xe9'\n")
    assert str(refused(discover, root)) == "pyproject.toml:2: this is not UTF-8"


def test_a_byte_order_mark_is_passed_over(write: Write) -> None:
    assert discover(write({"pyproject.toml": "\ufeff" + MANIFEST, "uv.lock": UV_LOCK})).name == "shop"


def test_what_cannot_be_read_is_said(write: Write, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"pyproject.toml": MANIFEST, "uv.lock": UV_LOCK})
    project = discover(root)
    (root / "uv.lock").unlink()
    (root / "uv.lock").mkdir()
    assert str(refused(read_lock, project)) == f"{root / 'uv.lock'}: this cannot be read: Is a directory"

    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", denied)
    assert refused(discover, root).message == "this cannot be read: Permission denied"


def test_a_broken_manifest_is_placed(write: Write, refused: Refused) -> None:
    error = refused(discover, write({"pyproject.toml": "[project\nname = 'a'"}))
    assert error.where == "pyproject.toml:1:9"


def test_uv_packages_only_what_names_a_build_system(write: Write) -> None:
    setup = {"setup.py": "", "pyproject.toml": MANIFEST}
    assert discover(write({**setup, "uv.lock": UV_LOCK})).build_system is None
    assert discover(write({**setup, "requirements.txt": ""}, "other")).build_system is not None


WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]\n'


def test_a_member_of_a_workspace_has_the_lock_above(write: Write) -> None:
    lock = UV_LOCK.replace('"."', '"packages/shop"')
    root = write({"pyproject.toml": WORKSPACE, "uv.lock": lock, ".python-version": "3.13"})
    write({"packages/shop/pyproject.toml": MANIFEST, "packages/shop/requirements.txt": ""})
    project = discover(root / "packages/shop")
    assert (project.lock, project.python_version) == (root / "uv.lock", "3.13")
    assert read_lock(project).name == "../../uv.lock"


def test_who_is_no_member_has_no_lock(write: Write, refused: Refused) -> None:
    root = write({"pyproject.toml": WORKSPACE, "uv.lock": UV_LOCK})
    for name in ("packages/old", "tools/x"):
        write({f"{name}/pyproject.toml": MANIFEST})
        assert refused(read_lock, discover(root / name)).message == "there is no lock"


def test_a_workspace_whose_members_are_no_pattern(write: Write, refused: Refused) -> None:
    root = write({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["/abs/*"]', "uv.lock": UV_LOCK})
    write({"x/pyproject.toml": MANIFEST})
    error = refused(discover, root / "x")
    assert error.where == f"{root / 'pyproject.toml'}: tool.uv.workspace"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"setup.py": ""}, "setup.py"),
        ({"setup.py": "", "pyproject.toml": "[build-system]\nrequires = []"}, "setup.py"),
        ({"setup.cfg": "", "pyproject.toml": "[build-system]\nrequires = []"}, "setup.cfg"),
        ({"setup.py": "", "pyproject.toml": f"{MANIFEST}dynamic = ['dependencies']"}, "pyproject.toml"),
        ({"setup.py": "", "pyproject.toml": MANIFEST}, "pyproject.toml"),
        ({"setup.py": "", "requirements.in": ""}, "requirements.in"),
    ],
)
def test_what_stands_in_for_a_lock(files: dict[str, str], expected: str, write: Write) -> None:
    project = discover(write(files))
    assert project.lock.name == expected
    computed = expected in {"setup.py", "setup.cfg"} or "dynamic" in files.get("pyproject.toml", "")
    assert is_computed(project) == computed


def test_the_text_of_a_setup_py_is_not_what_it_depends_on(write: Write) -> None:
    before = lock_fingerprint(discover(write({"setup.py": "version = 1"})))
    assert lock_fingerprint(discover(write({"setup.py": "version = 2"}))) == before


LONG = "a" * 3000


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"requirements.txt": f"./{LONG}"}, "requirements.txt:1"),
        ({"requirements.txt": f"-r {LONG}.txt"}, "requirements.txt:1"),
        ({"pyproject.toml": f'{MANIFEST}[tool.depsfirst]\nlock = "{LONG}.txt"'}, "pyproject.toml: tool.depsfirst.lock"),
        ({"pyproject.toml": f'[tool.poetry]\nname = "{LONG}"\nversion = "1"', "poetry.lock": ""}, "poetry.lock"),
    ],
)
def test_a_name_that_no_file_can_have(files: dict[str, str], place: str, write: Write, refused: Refused) -> None:
    error = refused(lambda root: read_lock(discover(root)), write(files))
    assert str(error.where).startswith(place)


def test_a_member_that_no_file_can_be_called_by(write: Write, refused: Refused) -> None:
    write({"pyproject.toml": f'[tool.uv.workspace]\nmembers = ["{LONG}/*"]', "uv.lock": UV_LOCK})
    root = write({"x/pyproject.toml": MANIFEST})
    assert str(refused(discover, root / "x").where).endswith("pyproject.toml: tool.uv.workspace")


def test_a_library_needs_no_lock_of_its_own(write: Write, refused: Refused) -> None:
    root = write({"pyproject.toml": MANIFEST, "old/setup.py": "", "none/x": ""})
    assert discover_library(root, root / "uv.lock").name == "shop"
    assert discover_library(root / "old", root / "uv.lock").build_system is not None
    assert refused(discover_library, root / "none", root / "uv.lock").hint == "uv.lock names it: lock again"


def relocked(root: Path, edits: dict[str, tuple[str, str]]) -> bool:
    """Whether edits of files change the fingerprint."""
    before = lock_fingerprint(discover(root))
    for name, (old, new) in edits.items():
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))
    return lock_fingerprint(discover(root)) != before


@pytest.mark.parametrize(
    "edits",
    [
        {"pyproject.toml": ('version = "1.0"', 'version = "1.1"'), "uv.lock": ('version = "1.0"', 'version = "1.1"')},
        {"pyproject.toml": ('version = "1.0"', 'version = "1.1"\ndescription = "new"\n[tool.ruff]\nline-length = 99')},
    ],
)
def test_a_new_version_and_other_settings_keep_the_fingerprint(edits: dict[str, tuple[str, str]], write: Write) -> None:
    assert not relocked(write({"pyproject.toml": MANIFEST, "uv.lock": UV_LOCK}), edits)


@pytest.mark.parametrize(
    "edits",
    [
        {"uv.lock": ('name = "idna"\nversion = "3.1"', 'name = "idna"\nversion = "3.2"')},
        {"uv.lock": ('>=3.11"', '>=3.12"')},
        {"pyproject.toml": ('version = "1.0"', 'version = "1.0"\ndependencies = ["idna"]')},
        {"pyproject.toml": ('version = "1.0"', 'version = "1.0"\n[tool.uv]\nconstraint-dependencies = ["a<1"]')},
        {"pyproject.toml": ('name = "shop"', 'name = "store"')},
    ],
)
def test_what_a_lock_says_and_depends_on_is_in_the_fingerprint(edits: dict[str, tuple[str, str]], write: Write) -> None:
    lock = (
        f'{UV_LOCK}\n[[package]]\nname = "idna"\nversion = "3.1"\nsource = {{ registry = "https://index.example" }}\n'
    )
    assert relocked(write({"pyproject.toml": MANIFEST, "uv.lock": lock}), edits)


def test_another_package_of_the_projects_name_keeps_its_version_in_the_fingerprint(write: Write) -> None:
    other = UV_LOCK.replace('{ editable = "." }', '{ registry = "https://index.example" }')
    root = write({"pyproject.toml": MANIFEST, "uv.lock": other + UV_LOCK[UV_LOCK.index("\n[[") :]})
    assert relocked(root, {"uv.lock": ('version = "1.0"', 'version = "1.1"')})
    assert not relocked(root, {"uv.lock": ('version = "1.0"', 'version = "1.1"')})  # the second is the project


def test_the_version_of_a_real_lock_is_not_in_the_fingerprint(write: Write) -> None:
    folder = FIXTURES / "uv_forks"
    root = write({path.name: path.read_text() for path in folder.iterdir()})
    assert lock_fingerprint(discover(root)) == lock_fingerprint(discover(folder))  # nor the place on disk
    version = ('version = "1.2.3"', 'version = "2.0.0"')
    assert not relocked(root, {"pyproject.toml": version, "uv.lock": version})


def test_included_requirements_are_in_the_fingerprint(write: Write) -> None:
    root = write({"requirements.txt": "-r base.txt", "base.txt": "a==1\n-r deeper/more.txt", "deeper/more.txt": "b==1"})
    assert relocked(root, {"deeper/more.txt": ("b==1", "b==2")})


def test_a_format_that_is_not_known_has_no_lock_to_read(write: Write, refused: Refused) -> None:
    project = discover(write({"requirements.txt": ""}))
    other = project._replace(lock=project.root / "lock.yaml")
    (project.root / "lock.yaml").touch()
    for function in (read_lock, lock_fingerprint):
        assert refused(function, other).message == "this is a lock of no known format"


@pytest.mark.parametrize("folder", sorted(FIXTURES.glob("*_*")), ids=lambda path: path.name)
def test_discovery_and_fingerprint_import_nothing_heavy(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from depsfirst.project.discover import discover, lock_fingerprint\n"
        f"project = discover(Path({str(folder)!r})); before = set(sys.modules); lock_fingerprint(project)\n"
        "heavy = {'packaging', 'tomllib', 'urllib3', 'email', 'inspect', 'subprocess'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'tomli' not in set(sys.modules) - before\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_layout_of_pip_tools(write: Write, refused: Refused) -> None:
    one = write({"requirements/app.txt": "a==1", "setup.py": ""}, "one")
    assert discover(one).lock == one / "requirements/app.txt"
    base = {"requirements/base.txt": "a==1", "requirements/dev.txt": "-r base.txt\nb==1", "requirements/dev.in": "b"}
    project = discover(write({**base, "setup.py": ""}, "two"))
    assert project.lock == project.root / "requirements/base.txt"
    assert [package.where for package in read_lock(project).packages] == ["requirements/base.txt:1"]
    error = refused(discover, write({**base, "requirements/prod.txt": "", "setup.py": ""}, "three"))
    assert error.message == "there are several locks: requirements/base.txt, requirements/prod.txt"
    assert '[tool.depsfirst] lock = "requirements/base.txt"' in str(error.hint)
    four = write({"requirements/a.txt": "", "requirements/b.txt": "", "requirements.txt": "x==1"}, "four")
    assert discover(four).lock == four / "requirements.txt"
