from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.project.discover import discover, lock_fingerprint, read_lock
from depsfirst.project.locks.requirements import includes
from depsfirst.project.model import Index, Lock, LockedFile, LockedPackage, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]

ZERO, ONE = "0" * 64, "1" * 64
COMMIT = "0123456789abcdef" * 2 + "01234567"


def read(write: Write, text: str, **files: str) -> Lock:
    named = {name.replace("__", "/") + ".txt": content for name, content in files.items()}
    return read_lock(discover(write({"requirements.txt": text, **named})))


def package(write: Write, text: str) -> LockedPackage:
    (found,) = read(write, text).packages
    return found


def test_lines_comments_and_continuations(write: Write) -> None:
    lock = read(
        write,
        "# made by hand\n"
        "\n"
        f"Ab.c == 1.0 \\\n    --hash=sha256:{ZERO} \\\n    --hash sha256:{ONE.upper()}  # via d\n"
        f"d[x,y]===2.0 ; python_version < '3.10' --hash=sha512:00 --hash=sha256:{ZERO}\n"
        "    # via nothing\\\n"
        f"e==1.0, >=0.5 --hash=sha256:{ZERO} \\\n",
    )
    assert [(each.name, each.version, each.where) for each in lock.packages] == [
        ("ab-c", "1.0", "requirements.txt:3"),
        ("d", "2.0", "requirements.txt:6"),
        ("e", "1.0", "requirements.txt:8"),
    ]
    assert lock.packages[0].hashes == {ZERO, ONE}
    assert lock.packages[1].hashes == {ZERO}
    assert all(each.source == Source("index") and not each.files for each in lock.packages)


def test_markers_tell_versions_apart(write: Write, chosen: Chosen) -> None:
    lock = read(write, "a==1 ; python_version < '3.10'\na==2 ; python_version >= '3.10'\nb==1; sys_platform == 'win32'")
    assert chosen(lock, (3, 9, 0)) == ["a==1"]
    assert chosen(lock, (3, 12, 0)) == ["a==2"]


def test_the_same_pin_twice_is_one_package(write: Write, chosen: Chosen) -> None:
    lock = read(
        write,
        f"a==1.0 ; python_version < '3.10' --hash=sha256:{ZERO}\na==1 ; python_version >= '3.10' --hash=sha256:{ONE}",
    )
    assert [each.hashes for each in lock.packages] == [{ZERO, ONE}]
    assert chosen(lock, (3, 9, 0)) == chosen(lock, (3, 12, 0)) == ["a==1.0"]


def test_the_index_of_the_file_is_that_of_its_packages(write: Write) -> None:
    for option in ("-i https://index.example/simple", "--index-url=https://index.example/simple"):
        assert package(write, f"{option}\na==1").source == Source("index", "https://index.example/simple")


@pytest.mark.parametrize("option", ["--only-binary :all:", "--prefer-binary", "--pre", "--require-hashes"])
def test_what_is_so_anyway_is_passed_over(option: str, write: Write) -> None:
    assert package(write, f"{option}\na==1").version == "1"


@pytest.mark.parametrize(
    ("line", "source", "file", "version"),
    [
        (
            f"a @ https://files.example/a-1.0-py3-none-any.whl?x=1#sha256={ZERO}",
            Source("url", "https://files.example/a-1.0-py3-none-any.whl?x=1"),
            LockedFile("a-1.0-py3-none-any.whl", ZERO, "https://files.example/a-1.0-py3-none-any.whl?x=1"),
            "1.0",
        ),
        (
            f"https://files.example/a-1.0.tar.gz#subdirectory=x ; os_name == 'posix' --hash=sha256:{ZERO}",
            Source("url", "https://files.example/a-1.0.tar.gz#subdirectory=x"),
            LockedFile("a-1.0.tar.gz", ZERO, "https://files.example/a-1.0.tar.gz#subdirectory=x"),
            "1.0",
        ),
        (
            "a @ https://files.example/archive.zip",
            Source("url", "https://files.example/archive.zip"),
            LockedFile("archive.zip", None, "https://files.example/archive.zip"),
            None,
        ),
        (
            f"git+https://git.example/a.git@{COMMIT.upper()}#egg=a[x]&subdirectory=lib",
            Source("git", f"git+https://git.example/a.git@{COMMIT}#subdirectory=lib"),
            None,
            None,
        ),
        (
            "./wheels/a-1.0-py3-none-any.whl",
            Source("file", "wheels/a-1.0-py3-none-any.whl"),
            LockedFile("a-1.0-py3-none-any.whl", None, "wheels/a-1.0-py3-none-any.whl"),
            "1.0",
        ),
        ("a-1.0.zip", Source("file", "a-1.0.zip"), LockedFile("a-1.0.zip", None, "a-1.0.zip"), "1.0"),
        ("-e ./libs/a[x]#egg=a", Source("directory", "libs/a", editable=True), None, None),
        ("-e libs/a#egg=a", Source("directory", "libs/a", editable=True), None, None),
        ("libs/a#egg=a", Source("directory", "libs/a"), None, None),
        ("a @ file:///elsewhere/a%20b", Source("directory", "/elsewhere/a b"), None, None),
        ("../a#egg=a; python_version > '3'", Source("directory", "../a"), None, None),
    ],
)
def test_direct_references(
    line: str, source: Source, file: LockedFile | None, version: str | None, write: Write
) -> None:
    found = package(write, line)
    assert (found.name, found.version, found.source) == ("a", version, source)
    assert found.files == ((file,) if file else ())


@pytest.mark.parametrize("line", [".", "-e .", "./", "-e .[web]", "file:.", "shop @ file:."])
def test_the_project_itself_is_no_package(line: str, write: Write) -> None:
    assert read(write, f"{line}\n").packages == ()


def test_the_project_by_its_absolute_path_is_no_package(write: Write) -> None:
    root = write({"requirements.txt": ""})
    inside = f"lib @ file://{root}/libs/lib"
    (root / "requirements.txt").write_text(f"shop @ file://{root}\n{inside}\n")
    assert [each.source.location for each in read_lock(discover(root)).packages] == ["libs/lib"]


def test_included_files_are_read_where_they_stand(write: Write, chosen: Chosen) -> None:
    lock = read(
        write,
        "-r requirements/base.txt\n--requirement=requirements/base.txt\nc==1\n",
        requirements__base="a==1\n-r more.txt\n-r ../requirements.txt\n",
        requirements__more="b==1\n",
    )
    assert chosen(lock) == ["a==1", "b==1", "c==1"]
    assert [each.where for each in lock.packages] == [
        "requirements/base.txt:1",
        "requirements/more.txt:1",
        "requirements.txt:3",
    ]


def test_what_a_file_includes_is_named_relative_to_the_lock() -> None:
    text = "a==1\n  -r 'x.txt'\n-c../c.txt\n-r https://files.example/x.txt\n--requirement \\\n y.txt # z\n# -r no.txt\n"
    assert list(includes(text, "in/r.txt")) == ["in/x.txt", "c.txt", "in/y.txt"]
    assert list(includes("a==1\n", "r.txt")) == []


def test_constraints_pin_what_is_not_pinned(write: Write, chosen: Chosen) -> None:
    lock = read(
        write,
        f"-c pins.txt\na\nb>=1 ; sys_platform == 'linux'\nc==3 --hash=sha256:{ZERO}\n",
        pins=f"a==1 --hash=sha256:{ZERO}\n"
        f"b==2 ; python_version < '3.10' --hash=sha256:{ZERO}\n"
        f"b==3 ; python_version >= '3.10' --hash=sha256:{ZERO}\n"
        "b==0.1\nc<4\nunused==1\n",
    )
    assert chosen(lock, (3, 9, 0)) == ["a==1", "b==2", "c==3"]
    assert chosen(lock, (3, 12, 0)) == ["a==1", "b==3", "c==3"]
    assert all(each.hashes == {ZERO} for each in lock.packages)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", ':1: "a" is not pinned'),
        ("\na>=1,<2", ':2: "a<2,>=1" is not pinned'),
        ("a==1.*", ':1: "a==1.*" is not pinned'),
        ("a==1,==2", ':1: no version is "==1,==2"'),
        ("a===one", ':1: "one" is no version'),
        ("a == 1 == 2", ':1: "a == 1 == 2" is no requirement: '),
        ("!", ':1: "!" is no requirement: '),
        ("a==1 ; python == 3", ':1: "a==1 ; python == 3" is no requirement: '),
        ("https://x.example/a-1.zip ; x", ':1: the marker "x" cannot be evaluated: '),
        ("a==1 ; os_name ~= 'x'", ':1: the marker "os_name ~= \\"x\\"" cannot be evaluated: '.replace("\\", "")),
        ("a==1 --config-settings=x=y", ':1: the option "--config-settings=x=y" is not supported'),
        ("a==1 --hash=md5:00", ":1: no hash is a sha256"),
        ("a==1 --hash=sha256:00", ":1: no hash is a sha256"),
        (f"a==1 --hash=sha256:{ZERO}\nb==1", ':2: "b" has no hash, and other lines have one'),
        (f"a==1 --hash=sha256:{ZERO}\n./b-1.zip", ':2: "b" has no hash, and other lines have one'),
        (f"a @ https://x.example/a-1.zip --hash=sha256:{ZERO} --hash=sha256:{ONE}", ':1: "a-1.zip" has several hashes'),
        ("--no-binary :all:", ':1: the option "--no-binary" is not supported'),
        ("--unknown", ':1: the option "--unknown" is not supported'),
        ("-i https://x.example\n-i https://y.example", ":2: a second index"),
        ("-r none.txt", ':1: "none.txt" is not a file that can be read'),
        ("-c https://x.example/c.txt", ':1: "https://x.example/c.txt" is not a file that can be read'),
        ("a @ https://x.example/${NAME}/a-1.zip", ":1: environment variables are not read"),
        ("a==${VERSION}", ":1: environment variables are not read"),
        ("a @ git+https://git.example/a@main", ':1: "git+https://git.example/a@main" is not pinned'),
        ("a @ svn+https://svn.example/a", ':1: "svn+https://svn.example/a" cannot be fetched'),
        ("./libs/a", ':1: which package "./libs/a" is cannot be told'),
        ("https://x.example/archive.zip", ':1: which package "https://x.example/archive.zip" is cannot be told'),
        ("./a-b-c-d.whl", ':1: which package "./a-b-c-d.whl" is cannot be told'),
    ],
)
def test_what_cannot_be_read_is_said_by_line(text: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read, write, text)
    assert str(error).startswith(f"requirements.txt{message}")


def test_the_way_out_is_said(write: Write, refused: Refused) -> None:
    assert "--extra-index-url" in str(refused(read, write, "-i https://x.example\n-i https://y.example").hint)
    assert "`git+URL@COMMIT`" in str(refused(read, write, "a @ git+https://git.example/a").hint)
    assert "name==version" in str(refused(read, write, "a").hint)


def test_indexes_are_values(write: Write) -> None:
    lock = read(
        write,
        "--extra-index-url https://${TOKEN}@y.example/simple\n-f ./wheels\n-i https://x.example/simple\n"
        "--extra-index-url https://${TOKEN}@y.example/simple\n--trusted-host y.example\na==1\n",
    )
    assert lock.indexes == (
        Index("https://x.example/simple"),
        Index("https://${TOKEN}@y.example/simple"),
        Index("wheels", "find-links"),
    )
    assert lock.packages[0].source == Source("index", "https://x.example/simple")


def test_links_are_beside_the_file_that_names_them(write: Write) -> None:
    files = {"more__base": "--find-links=../wheels\n-f https://x.example/wheels\n-f /srv/wheels\nb==1\n"}
    lock = read(write, "-r more/base.txt\n-f more\n", **files)
    assert [each.url for each in lock.indexes] == ["wheels", "https://x.example/wheels", "/srv/wheels", "more"]
    assert not lock.no_index


def test_no_index_is_a_value(write: Write) -> None:
    lock = read(write, "--no-index\n-f wheels\na==1\n")
    assert lock.no_index
    assert lock.indexes == (Index("wheels", "find-links"),)


def test_an_archive_may_have_a_variable_for_its_credentials(write: Write) -> None:
    (package,) = read(write, "a @ https://${NAME}:${TOKEN}@x.example/a-1.zip").packages
    assert package.source == Source("url", "https://${NAME}:${TOKEN}@x.example/a-1.zip")


def test_a_commit_may_have_a_variable_in_its_address(write: Write) -> None:
    lock = read(write, f"a @ git+https://${{TOKEN}}@git.example/a@{'a' * 40}")
    assert lock.packages[0].source == Source("git", f"git+https://${{TOKEN}}@git.example/a@{'a' * 40}")


def test_a_pin_against_a_constraint_is_an_error(write: Write, refused: Refused) -> None:
    error = refused(read, write, "a==2\n-c pins.txt", pins="a<2\n")
    assert str(error) == 'requirements.txt:1: "a==2" contradicts "a<2" (pins.txt:1)'


MANIFEST = (
    '[project]\nname = "shop"\ndependencies = ["a>=1", "b>=1; python_version < \'3.10\'", "Shop[x]", "c"]\n'
    '[project.optional-dependencies]\nx = ["z"]\n'
)


def test_the_manifest_has_to_be_met_where_its_markers_hold(write: Write, chosen: Chosen, refused: Refused) -> None:
    root = write({"pyproject.toml": MANIFEST, "requirements.txt": "a==1.5\nc @ https://files.example/c.zip\n"})
    assert chosen(root, (3, 12, 0)) == ["a==1.5", "c"]
    error = refused(chosen, root, (3, 9, 0))
    assert error.where == "pyproject.toml: project.dependencies[1]"
    (root / "requirements.txt").write_text("a==0.9\nc==1\n")
    assert refused(chosen, root).where == "pyproject.toml: project.dependencies[0]"
    (root / "requirements.txt").write_text("a==1 ; sys_platform == 'win32'\nc==1\n")
    assert refused(chosen, root).where == "pyproject.toml: project.dependencies[0]"


def test_a_broken_requirement_of_the_manifest_is_said_by_key(write: Write, refused: Refused) -> None:
    root = write({"pyproject.toml": MANIFEST.replace("a>=1", "a >= = 1"), "requirements.txt": ""})
    assert str(refused(read_lock, discover(root)).where) == "pyproject.toml: project.dependencies[0]"


LIBRARY = '[project]\nname = "Till.Core"\nversion = "1"\n'


@pytest.mark.parametrize(
    "line",
    [
        "-e ./libs/till",
        "--editable=libs/till[fast]",
        "./libs/till ; python_version > '3'",
        "-e libs/till#egg=till-core",
    ],
)
def test_a_path_is_named_by_the_project_there(line: str, write: Write) -> None:
    root = write({"requirements.txt": f"six==1\n{line}\n", "libs/till/pyproject.toml": LIBRARY})
    (_, found) = read_lock(discover(root)).packages
    assert (found.name, found.source.kind, found.source.location) == ("till-core", "directory", "libs/till")


def test_a_path_to_a_project_without_a_name_is_named_by_its_directory(write: Write) -> None:
    root = write({"app/requirements.txt": "-e ../libs/Till\n", "libs/Till/setup.py": ""})
    (found,) = read_lock(discover(root / "app")).packages
    assert (found.name, found.source.location) == ("till", "../libs/Till")


def test_the_name_of_a_project_is_part_of_the_lock(write: Write) -> None:
    root = write({"requirements.txt": "-e libs/till\n", "libs/till/pyproject.toml": LIBRARY})
    before = lock_fingerprint(discover(root))
    (root / "libs/till/pyproject.toml").write_text(LIBRARY.replace('"1"', '"2"'))
    assert lock_fingerprint(discover(root)) == before
    (root / "libs/till/pyproject.toml").write_text(LIBRARY.replace("Core", "Drawer"))
    assert lock_fingerprint(discover(root)) != before
