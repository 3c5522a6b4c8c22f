from __future__ import annotations

import os
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.gitserver import commit, git, project, served

from depsfirst.errors import DepsfirstError
from depsfirst.progress import Silent
from depsfirst.project.model import LockedPackage, Source
from depsfirst.wheels.built.commit import Commit, parse_commit
from depsfirst.wheels.built.git import COMMITS, checked_out, fetched
from depsfirst.wheels.built.kept import Workshop
from depsfirst.wheels.built.sources import wheel_of_commit
from depsfirst.wheels.indexes.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.gitserver import GitServer

    from depsfirst.content import ContentStore

WHERE = "uv.lock: package[3]"
LOGIN = "ada:s3cr3t"

Built = tuple[str, dict[str, bytes]]
"""The name of a wheel, and its files."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which settings of git may be put."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def served_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(served_folder: Path) -> Iterator[GitServer]:
    with served(served_folder) as found:
        yield found


@pytest.fixture
def build(store: ContentStore, tmp_path: Path) -> Callable[..., Built]:
    """``build(location)`` is the wheel that is built of a locked commit."""

    def built(location: str, name: str = "till") -> Built:
        wanted = parse_commit(location, tmp_path, WHERE)
        package = LockedPackage(name, None, Source("git", location), where=WHERE)
        made = wheel_of_commit(package, wanted, fetched(wanted, store), Workshop(store, Search(), Silent()))
        with zipfile.ZipFile(made.path) as archive:
            return made.name, {each: archive.read(each) for each in archive.namelist()}

    return built


@pytest.fixture
def fails(build: Callable[..., Built], store: ContentStore) -> Callable[..., DepsfirstError]:
    """``fails(location)`` is why it cannot be built; nothing half-done is left."""

    def failed(location: str, **more: str) -> DepsfirstError:
        with pytest.raises(DepsfirstError) as caught:
            build(location, **more)
        assert not list((store.root / "tmp").iterdir())
        return caught.value

    return failed


def commits_in(repository: Path) -> int:
    return int(git(repository, "rev-list", "--count", "--all"))


SHA = "c0ffee" * 6 + "beef"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (f"git+https://git.example/till.git@{SHA}", Commit("https://git.example/till.git", SHA)),
        (f"git+ssh://git@git.example/till@{SHA}", Commit("ssh://git@git.example/till", SHA)),
        (f"git+git@git.example:shop/till.git@{SHA}", Commit("git@git.example:shop/till.git", SHA)),
        (f"git+https://git.example/till@{SHA}#subdirectory=a/b", Commit("https://git.example/till", SHA, "a/b")),
        (f"git+https://git.example/till@{SHA}#subdirectory=.", Commit("https://git.example/till", SHA)),
        (f"git+https://git.example/till@{SHA}#subdirectory=a%20b/", Commit("https://git.example/till", SHA, "a b")),
        (
            f"git+https://ada:s%40crt@git.example/till@{SHA}",
            Commit("https://git.example/till", SHA, login=("ada", "s@crt")),
        ),
        (f"git+https://token@git.example/till@{SHA}", Commit("https://git.example/till", SHA, login=("token", ""))),
        (f"git+../till@{SHA}", Commit("/project/../till", SHA)),
        (f"git+file:///srv/till@{SHA}", Commit("file:///srv/till", SHA)),
    ],
)
def test_a_location_names_repository_commit_and_directory(location: str, expected: Commit) -> None:
    assert parse_commit(location, Path("/project")) == expected


def test_a_directory_outside_of_the_repository_is_refused() -> None:
    with pytest.raises(DepsfirstError, match="leads out of the repository"):
        parse_commit(f"git+https://git.example/till@{SHA}#subdirectory=a/../../b", Path("/project"))


def test_a_place_on_this_machine_is_not_told_in_the_image() -> None:
    assert parse_commit(f"git+https://git.example/till@{SHA}", Path("/project")).direct_url
    for place in ("../till", "file:///srv/till", "/srv/till"):
        assert parse_commit(f"git+{place}@{SHA}", Path("/project")).direct_url == {}


def test_what_is_built_is_the_commit_and_not_what_came_after(
    server: GitServer, served_folder: Path, build: Callable[..., Built], store: ContentStore
) -> None:
    commit(served_folder / "till", project("till", "0.9", "PRICE = 1\n"))
    wanted = commit(served_folder / "till", project("till", "1.0", "PRICE = 2\n"))
    commit(served_folder / "till", project("till", "1.1", "PRICE = 3\n"))
    name, files = build(f"git+{server.url}/till/.git@{wanted}")
    assert name == "till-1.0-py3-none-any.whl"
    assert files["till.py"] == b"PRICE = 2\n"
    assert commits_in(store.path(COMMITS, wanted)) == 1
    assert not store.path(COMMITS, f"{wanted}-whole").exists()


def test_what_is_cached_is_not_fetched_again(
    server: GitServer, served_folder: Path, build: Callable[..., Built]
) -> None:
    location = f"git+{server.url}/till/.git@{commit(served_folder / 'till', project('till'))}"
    first = build(location)
    server.asked.clear()
    assert build(location) == first
    assert server.asked == []


def test_threads_that_want_one_commit_fetch_it_once(
    server: GitServer, served_folder: Path, store: ContentStore
) -> None:
    wanted = Commit(f"{server.url}/till/.git", commit(served_folder / "till", project("till")))
    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(lambda _: fetched(wanted, store), range(4)))
    assert len(places) == 1
    assert sum("git-upload-pack" in path and "info/refs" in path for path in server.asked) == 1


def test_a_server_that_gives_no_single_commit_gives_all(
    served_folder: Path, build: Callable[..., Built], store: ContentStore, home: Path
) -> None:
    (home / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    wanted = commit(served_folder / "till", project("till", "1.0", "PRICE = 2\n"))
    commit(served_folder / "till", {"till.py": "PRICE = 3\n"})
    _, files = build(f"git+file://{served_folder}/till@{wanted}")
    assert files["till.py"] == b"PRICE = 2\n"
    assert commits_in(store.path(COMMITS, wanted)) == 2


def test_a_server_of_files_gives_all(served_folder: Path, build: Callable[..., Built]) -> None:
    wanted = commit(served_folder / "till", project("till"))
    git(served_folder / "till", "update-server-info")
    with served(served_folder, dumb=True) as server:
        assert "till.py" in build(f"git+{server.url}/till/.git@{wanted}")[1]


@pytest.mark.parametrize("place", ["file://{folder}/till", "{folder}/till", "served/till"])
def test_a_repository_of_this_machine(served_folder: Path, build: Callable[..., Built], place: str) -> None:
    wanted = commit(served_folder / "till", project("till"))
    assert build(f"git+{place.format(folder=served_folder)}@{wanted}")[0] == "till-1.0-py3-none-any.whl"


def test_a_version_of_tags_has_its_history(server: GitServer, served_folder: Path, build: Callable[..., Built]) -> None:
    git_folder = served_folder / "till"
    commit(git_folder, project("till", None), tag="2.0")
    wanted = commit(git_folder, {"till.py": "PRICE = 2\n"})
    git(git_folder, "config", "uploadpack.allowFilter", "true")
    name, files = build(f"git+{server.url}/till/.git@{wanted}")
    assert name == f"till-2.0+1.g{wanted[:7]}-py3-none-any.whl"
    assert files["till.py"] == b"PRICE = 2\n"


def test_a_version_of_tags_where_the_server_gives_all(
    served_folder: Path, build: Callable[..., Built], home: Path
) -> None:
    (home / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    wanted = commit(served_folder / "till", project("till", None), tag="2.0")
    commit(served_folder / "till", {"till.py": "PRICE = 3\n"}, tag="2.1")
    assert build(f"git+file://{served_folder}/till@{wanted}")[0] == "till-2.0-py3-none-any.whl"


def test_a_project_in_a_subdirectory(served_folder: Path, build: Callable[..., Built]) -> None:
    files = {f"libs/till/{name}": text for name, text in project("till").items()}
    wanted = commit(served_folder / "all", files | project("shop"))
    assert build(f"git+file://{served_folder}/all@{wanted}#subdirectory=libs/till")[0].startswith("till-")
    assert build(f"git+file://{served_folder}/all@{wanted}", "shop")[0].startswith("shop-")


@pytest.mark.parametrize(("locked", "warnings"), [("1.0", 0), ("1.0+g12ab", 0), (None, 0), ("1.1", 1)])
def test_another_version_than_the_locked_one_is_said(
    served_folder: Path, store: ContentStore, tmp_path: Path, locked: str | None, warnings: int
) -> None:
    class Heard(Silent):
        said: ClassVar[list[str]] = []

        def warn(self, text: str) -> None:
            self.said.append(text)

    location = f"git+file://{served_folder}/till@{commit(served_folder / 'till', project('till'))}"
    wanted = parse_commit(location, tmp_path)
    package = LockedPackage("till", locked, Source("git", location), where=WHERE)
    wheel_of_commit(package, wanted, fetched(wanted, store), Workshop(store, Search(), Heard()))
    assert Heard.said == ['"till" is locked as 1.1, and its commit builds 1.0'] * warnings


def test_submodules_are_those_of_the_commit(
    server: GitServer, served_folder: Path, build: Callable[..., Built]
) -> None:
    commit(served_folder / "code", {"till.py": "PRICE = 7\n"})
    files = project("till")
    del files["till.py"]
    commit(served_folder / "till", files)
    git(served_folder / "till", "submodule", "--quiet", "add", served_folder / "code", "code")
    git(served_folder / "till", "config", "--file=.gitmodules", "submodule.code.url", "../../code/.git")
    (served_folder / "till/till.py").symlink_to("code/till.py")
    wanted = commit(served_folder / "till", {})
    commit(served_folder / "code", {"till.py": "PRICE = 8\n"})
    _, built = build(f"git+{server.url}/till/.git@{wanted}")
    assert built["till.py"] == b"PRICE = 7\n"


def test_a_submodule_of_a_server_may_not_be_a_directory_of_this_machine(
    server: GitServer, served_folder: Path, fails: Callable[..., DepsfirstError]
) -> None:
    commit(served_folder / "code", {"till.py": ""})
    commit(served_folder / "till", project("till"))
    git(served_folder / "till", "submodule", "--quiet", "add", f"file://{served_folder}/code", "code")
    wanted = commit(served_folder / "till", {})
    assert "not allowed" in str(fails(f"git+{server.url}/till/.git@{wanted}"))


# What git is kept from


def test_no_hook_and_no_filter_of_the_user_runs(
    served_folder: Path, build: Callable[..., Built], home: Path, tmp_path: Path
) -> None:
    for folder in (home / "template/hooks", home / "hooks"):
        folder.mkdir(parents=True)
        for hook in ("post-checkout", "reference-transaction"):
            (folder / hook).write_text(f"#!/bin/sh\necho ran >> {tmp_path}/ran\n")
            (folder / hook).chmod(0o755)
    (home / "attributes").write_text("*.py text eol=crlf\n")
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {home}/hooks\n\tautocrlf = true\n\tattributesFile = {home}/attributes\n"
        f"[init]\n\ttemplateDir = {home}/template\n"
        f'[filter "lfs"]\n\tsmudge = "touch {tmp_path}/ran; cat"\n\trequired = true\n'
        "[safe]\n\tbareRepository = explicit\n"
    )
    files = project("till", code="PRICE = 2\n") | {".gitattributes": "till.py filter=lfs\n"}
    wanted = commit(served_folder / "till", files)
    assert build(f"git+file://{served_folder}/till@{wanted}")[1]["till.py"] == b"PRICE = 2\n"
    assert not (tmp_path / "ran").exists()


def test_a_hook_of_another_repository_may_build(
    served_folder: Path, build: Callable[..., Built], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = commit(served_folder / "till", project("till", None), tag="2.0")
    commit(tmp_path / "other", {"a": ""}, tag="9.9")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index"))
    before = (tmp_path / "other/.git/index").read_bytes()
    assert build(f"git+file://{served_folder}/till@{wanted}")[0].startswith("till-")
    assert (tmp_path / "other/.git/index").read_bytes() == before


# Credentials


@pytest.fixture
def private(served_folder: Path) -> Iterator[GitServer]:
    with served(served_folder, login=LOGIN) as found:
        yield found


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets the words of every command line of git."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "words"


def test_credentials_of_the_lock_reach_git_and_nothing_else(  # noqa: PLR0917 - fixtures
    private: GitServer, served_folder: Path, build: Callable[..., Built], store: ContentStore, home: Path, words: Path
) -> None:
    (home / ".gitconfig").write_text(f"[credential]\n\thelper = store --file {home}/kept\n")
    wanted = commit(served_folder / "till", project("till", None), tag="2.0")
    url = f"{private.url}/till/.git".replace("http://", f"http://{LOGIN}@")
    assert build(f"git+{url}@{wanted}")[0] == "till-2.0-py3-none-any.whl"
    assert private.shown
    secrets = ("s3cr3t", private.shown[0].removeprefix("Basic "))
    kept = [path for path in [*store.root.rglob("*"), *home.rglob("*"), words] if path.is_file()]
    assert not [path for path in kept if any(secret.encode() in path.read_bytes() for secret in secrets)]
    assert "s3cr3t" not in str(parse_commit(f"git+{url}@{wanted}", home).direct_url)


@pytest.mark.parametrize("userinfo", ["", "ada:wr0ng@"])
def test_without_the_right_credentials_the_error_says_so(
    private: GitServer, served_folder: Path, fails: Callable[..., DepsfirstError], userinfo: str
) -> None:
    wanted = commit(served_folder / "till", project("till"))
    url = f"{private.url}/till/.git"
    error = fails(f"git+{url.replace('http://', f'http://{userinfo}')}@{wanted}")
    assert error.where == WHERE
    assert f'git cannot get the commit {wanted[:12]} of "{url}"' in str(error)
    assert "ls-remote" in (error.hint or "")
    assert "wr0ng" not in str(error)


def test_git_asks_the_helpers_of_the_user(
    private: GitServer, served_folder: Path, build: Callable[..., Built], home: Path
) -> None:
    (home / ".git-credentials").write_text(private.url.replace("http://", f"http://{LOGIN}@") + "\n")
    (home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    wanted = commit(served_folder / "till", project("till"))
    assert build(f"git+{private.url}/till/.git@{wanted}")[0].startswith("till-")


def test_a_password_that_the_settings_of_git_put_in_is_not_shown(
    private: GitServer, served_folder: Path, fails: Callable[..., DepsfirstError], home: Path
) -> None:
    inside = private.url.replace("http://", "http://ada:wr0ng@")
    (home / ".gitconfig").write_text(f'[url "{inside}/"]\n\tinsteadOf = {private.url}/\n')
    wanted = commit(served_folder / "till", project("till"))
    assert "wr0ng" not in str(fails(f"git+{private.url}/till/.git@{wanted}"))


@pytest.mark.parametrize("url", ["ssh://git@git.example/till", "git@git.example:till.git"])
def test_ssh_asks_nobody_unless_the_user_says_how(
    fails: Callable[..., DepsfirstError], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for name in ("ssh", "mine"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $@" > {tmp_path}/words\necho "no route" >&2\nexit 255\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    assert "no route" in str(fails(f"git+{url}@{SHA}"))
    assert (tmp_path / "words").read_text().startswith("ssh -o BatchMode=yes ")
    (home / ".gitconfig").write_text("[core]\n\tsshCommand = mine\n")
    fails(f"git+{url}@{SHA}")
    assert (tmp_path / "words").read_text().startswith("mine ")


# Errors


def test_a_commit_that_is_gone(server: GitServer, served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    commit(served_folder / "till", project("till"))
    error = fails(f"git+{server.url}/till/.git@{SHA}")
    assert str(error) == f'{WHERE}: "{server.url}/till/.git" has no commit {SHA}'
    assert "lock again" in (error.hint or "")


def test_a_commit_that_is_gone_from_a_server_that_gives_all(
    served_folder: Path, fails: Callable[..., DepsfirstError], home: Path
) -> None:
    (home / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    commit(served_folder / "till", project("till"))
    assert f"has no commit {SHA}" in str(fails(f"git+file://{served_folder}/till@{SHA}"))


def test_a_name_that_is_no_commit(served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    commit(served_folder / "till", project("till"))
    blob = git(served_folder / "till", "rev-parse", "HEAD:till.py")
    assert f"has no commit {blob}" in str(fails(f"git+file://{served_folder}/till@{blob}"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/till.git", "file:///nowhere/till"])
def test_a_server_that_is_not_there(fails: Callable[..., DepsfirstError], url: str) -> None:
    error = fails(f"git+{url}@{SHA}")
    assert f'git cannot get the commit c0ffeec0ffee of "{url}":\n  fatal: ' in str(error)


def test_a_url_that_would_run_a_program(fails: Callable[..., DepsfirstError], tmp_path: Path) -> None:
    assert "not allowed" in str(fails(f"git+ext::touch {tmp_path}/ran@{SHA}"))
    assert not (tmp_path / "ran").exists()


def test_a_url_that_would_be_an_option(fails: Callable[..., DepsfirstError], tmp_path: Path) -> None:
    fails(f"git+--upload-pack=touch {tmp_path}/ran:x@{SHA}")
    assert not (tmp_path / "ran").exists()


def test_git_is_missing(fails: Callable[..., DepsfirstError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = fails(f"git+https://git.example/till@{SHA}")
    assert str(error) == f'{WHERE}: the program "git" is missing, which fetches "https://git.example/till"'
    assert error.hint == "install git, or lock a release, or a wheel by its URL"


def test_a_directory_that_is_not_there(served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    wanted = commit(served_folder / "till", project("till"))
    error = fails(f"git+file://{served_folder}/till@{wanted}#subdirectory=libs")
    assert f'the commit {wanted[:12]} of "file://{served_folder}/till" has no directory "libs"' in str(error)


def test_a_directory_that_is_a_link_out_of_the_tree(
    served_folder: Path, fails: Callable[..., DepsfirstError], tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (served_folder / "till").mkdir()
    (served_folder / "till/libs").symlink_to(tmp_path / "outside")
    wanted = commit(served_folder / "till", {"a": ""})
    assert 'has no directory "libs"' in str(fails(f"git+file://{served_folder}/till@{wanted}#subdirectory=libs"))


def test_a_directory_without_a_project(served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    wanted = commit(served_folder / "till", {"libs/a": ""})
    for fragment, named in (("", "its top"), ("#subdirectory=libs", "libs")):
        error = fails(f"git+file://{served_folder}/till@{wanted}{fragment}")
        assert f'"till" is locked to a commit in which {named} holds no project' in str(error)


def test_another_project_than_the_locked_one(served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    wanted = commit(served_folder / "till", project("counter"))
    assert 'what is locked as "till" builds "counter-1.0-py3-none-any.whl", which is another package' in str(
        fails(f"git+file://{served_folder}/till@{wanted}")
    )


def test_a_project_with_compiled_code_is_refused(served_folder: Path, fails: Callable[..., DepsfirstError]) -> None:
    wanted = commit(served_folder / "till", project("till") | {"compiled": ""})
    error = fails(f"git+file://{served_folder}/till@{wanted}")
    assert '"till" has no wheel for the target, and its source builds "till-1.0-cp30' in str(error)


def test_a_source_that_does_not_build_is_not_the_users_to_mend(
    served_folder: Path, fails: Callable[..., DepsfirstError]
) -> None:
    wanted = commit(served_folder / "till", project("till") | {"backend.py": "raise SystemExit('no compiler')"})
    error = fails(f"git+file://{served_folder}/till@{wanted}")
    assert "choose a version that has a wheel for the target" in (error.hint or "")


def test_a_tree_that_is_left_is_gone(served_folder: Path, store: ContentStore, tmp_path: Path) -> None:
    wanted = Commit(f"file://{served_folder}/till", commit(served_folder / "till", project("till")))
    repository = fetched(wanted, store)
    before = sorted(path for path in repository.rglob("*"))
    with store.scratch_directory() as scratch, checked_out(wanted, repository, scratch) as tree:
        (tree / "till.py").write_text("changed")
        assert git(tree, "rev-parse", "HEAD") == wanted.commit
    assert sorted(path for path in repository.rglob("*")) == before
