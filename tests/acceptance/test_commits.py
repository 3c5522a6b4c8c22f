"""Packages that are locked to commits of git repositories: in the image as those of an index are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import below, naming, read_image
from tests.acceptance.loopback import sha256
from tests.conftest import run
from tests.gitserver import commit, project, served

from depsfirst.project.locks.pdm import content_hashes as pdm_hashes
from depsfirst.project.locks.pipenv import content_hashes as pipenv_hashes
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product
    from tests.gitserver import GitServer

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"
SECRET = "s3cr3t"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repositories: that of till, which has another project in a directory."""
    till = project("till", code="PRICE = 2\n")
    counter = {f"libs/counter/{name}": text for name, text in project("counter", code="OPEN = True\n").items()}
    commit(tmp_path / "served/till", till | counter)
    return tmp_path / "served"


@pytest.fixture
def server(folder: Path) -> Iterator[GitServer]:
    with served(folder) as found:
        yield found


def shop(root: Path, dependencies: list[str], more: str = "", backend: str = "flit") -> Path:
    projects.write(root, projects.FILES)
    (root / "pyproject.toml").write_text(projects.manifest(dependencies, backend=backend, more=more))
    code = root / "src/shop/cli.py"
    code.write_text(code.read_text().replace("import click\n", "import click\nimport counter\nimport till\n"))
    return root


def by_uv(root: Path, url: str, wanted: str, index: Index) -> Path:
    sources = f'\n[tool.uv.sources]\ntill = {{ git = "{url}", rev = "{wanted}" }}\n'
    sources += f'counter = {{ git = "{url}", branch = "main", subdirectory = "libs/counter" }}\n'
    return projects.uv_lock(shop(root, ["click", "till", "counter"], sources), index=index.url)


def by_poetry(root: Path, url: str, wanted: str, _: Index) -> Path:
    more = f'\n[tool.poetry.dependencies]\ntill = {{ git = "{url}", rev = "{wanted}" }}\n'
    more += f'counter = {{ git = "{url}", branch = "main", subdirectory = "libs/counter" }}\n'
    return projects.poetry_lock(shop(root, ["click", "till", "counter"], more, "poetry"))


def by_requirements(root: Path, url: str, wanted: str, index: Index) -> Path:
    click = next(path for name, path in index.files.items() if name.startswith("click-"))
    lines = [
        f"click=={click.name.split('-')[1]} --hash=sha256:{sha256(click)}",
        f"till @ git+{url}@{wanted}",
        f"-e git+{url}@{wanted}#egg=counter&subdirectory=libs/counter",
    ]
    shop(root, ["click", "till", "counter"])
    (root / "requirements.txt").write_text("\n".join(lines) + "\n")
    return root


def by_pylock(root: Path, url: str, wanted: str, index: Index) -> Path:
    by_uv(root, url, wanted, index)
    projects.uv("export", "--quiet", "--no-emit-project", "--directory", root, "--output-file", "pylock.toml")
    (root / "uv.lock").unlink()
    projects.replace(root / "pyproject.toml", r"\[tool\.uv\.sources\][^\[]*", "")
    return root


def by_pdm(root: Path, url: str, wanted: str, index: Index) -> Path:
    shop(root, ["click", f"till @ git+{url}@main", f"counter @ git+{url}@main#subdirectory=libs/counter"])
    content = next(iter(pdm_hashes(parse((root / "pyproject.toml").read_text(), "pyproject.toml"))))
    click = next(path for name, path in index.files.items() if name.startswith("click-"))
    commits = "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "1.0"\nrequires_python = ">=3.11"\n{more}git = "{url}"\n'
        f'ref = "main"\nrevision = "{wanted}"\nsummary = ""\ngroups = ["default"]\n'
        for name, more in (("counter", 'subdirectory = "libs/counter"\n'), ("till", ""))
    )
    (root / "pdm.lock").write_text(f"""\
[metadata]
groups = ["default"]
strategy = ["inherit_metadata"]
lock_version = "4.5.1"
content_hash = "sha256:{content}"

[[metadata.targets]]
requires_python = ">=3.11"

[[package]]
name = "click"
version = "{click.name.split("-")[1]}"
summary = ""
groups = ["default"]
files = [{{file = "{click.name}", hash = "sha256:{sha256(click)}"}}]
{commits}""")
    return root


def by_pipenv(root: Path, url: str, wanted: str, index: Index) -> Path:
    shop(root, ["click", "till", "counter"])
    source = {"name": "ours", "url": index.url, "verify_ssl": False}
    pipfile = f'[[source]]\nname = "ours"\nurl = "{index.url}"\nverify_ssl = false\n[packages]\nclick = "*"\n'
    pipfile += f'till = {{git = "{url}", ref = "main"}}\n'
    pipfile += f'counter = {{git = "{url}", ref = "main", subdirectory = "libs/counter"}}\n'
    (root / "Pipfile").write_text(pipfile)
    click = next(path for name, path in index.files.items() if name.startswith("click-"))
    default = {
        "click": {"hashes": [f"sha256:{sha256(click)}"], "index": "ours", "version": f"=={click.name.split('-')[1]}"},
        "counter": {"git": url, "ref": wanted, "subdirectory": "libs/counter"},
        "till": {"git": url, "ref": wanted},
    }
    content = next(iter(pipenv_hashes(parse(pipfile, "Pipfile"))))
    meta = {"hash": {"sha256": content}, "pipfile-spec": 6, "requires": {}, "sources": [source]}
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": meta, "default": default, "develop": {}}))
    return root


def by_pixi(root: Path, url: str, wanted: str, index: Index) -> Path:
    shop(root, ["click", "till", "counter"])
    click = next(path for name, path in index.files.items() if name.startswith("click-"))
    file = f"{index.url.removesuffix('simple/')}files/{click.name}"
    conda = "https://conda.example/linux-64/python-3.11.9-hb806964_0_cpython.conda"
    places = [
        (file, f"  version: {click.name.split('-')[1]}\n  sha256: {sha256(click)}\n", "click"),
        (f"git+{url}?rev=main#{wanted}", "  version: '1.0'\n", "till"),
        (f"git+{url}?subdirectory=libs%2Fcounter&rev=main#{wanted}", "  version: '1.0'\n", "counter"),
    ]
    listed = "".join(f"      - pypi: {place}\n" for place, _, _ in places)
    packages = "".join(f"- pypi: {place}\n  name: {name}\n{more}" for place, more, name in places)
    (root / "pixi.lock").write_text(
        f"version: 6\nenvironments:\n  default:\n    channels: []\n    indexes:\n    - {index.url}\n"
        f"    packages:\n      linux-64:\n      - conda: {conda}\n{listed}packages:\n- conda: {conda}\n{packages}"
    )
    return root


WAYS = [by_uv, by_poetry, by_requirements, by_pylock, by_pdm, by_pipenv, by_pixi]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_commits_are_dependencies(  # noqa: PLR0917 - fixtures
    way: Callable[..., Path], server: GitServer, folder: Path, loopback: Index, fast: Product, tmp_path: Path
) -> None:
    url = f"{server.url}/till/.git"
    wanted = commit(folder / "till", {})
    root = way(tmp_path / "shop", url, wanted, loopback)
    commit(folder / "till", {"till.py": "raise SystemExit('this came after the lock')\n"})
    product = fast.using(UV_DEFAULT_INDEX="") if way is by_poetry else fast
    made = product.build(root, tmp_path / "image.tar")
    assert made.report["import_check"] == "passed"
    assert made.kinds == ["base", "environment", "dependencies", "code"]
    image = read_image(tmp_path / "image.tar")
    tree = below(image.tree(start=1), SITE)
    assert tree["till.py"].content == b"PRICE = 2\n"
    assert tree["counter.py"].content == b"OPEN = True\n"
    origin = json.loads(tree["counter-1.0.dist-info/direct_url.json"].content)
    assert origin == {"subdirectory": "libs/counter", "url": url, "vcs_info": {"commit_id": wanted, "vcs": "git"}}
    assert "till-1.0.dist-info/direct_url.json" in tree
    assert naming(image.tars[1:], str(product.cache)) == []


def test_an_edit_after_the_build_asks_nobody(
    server: GitServer, folder: Path, loopback: Index, fast: Product, tmp_path: Path
) -> None:
    root = by_uv(tmp_path / "shop", f"{server.url}/till/.git", commit(folder / "till", {}), loopback)
    first = fast.build(root, tmp_path / "first.tar")
    server.asked.clear()
    projects.replace(root / "src/shop/cli.py", "What the shop says", "What the shop shouts")
    assert fast.build(root, tmp_path / "second.tar").differing(first) == {"code"}
    assert server.asked == []
    other = fast.using(tmp_path / "other cache").build(root, tmp_path / "third.tar")
    assert other.diff_ids("dependencies") == first.diff_ids("dependencies")


def test_another_commit_is_another_layer(
    server: GitServer, folder: Path, loopback: Index, fast: Product, tmp_path: Path
) -> None:
    url = f"{server.url}/till/.git"
    first = fast.build(
        by_requirements(tmp_path / "shop", url, commit(folder / "till", {}), loopback), tmp_path / "1.tar"
    )
    wanted = commit(folder / "till", {"till.py": "PRICE = 3\n"})
    second = fast.build(by_requirements(tmp_path / "shop", url, wanted, loopback), tmp_path / "2.tar")
    assert first.differing(second) == {"dependencies"}
    assert below(read_image(tmp_path / "2.tar").tree(start=1), SITE)["till.py"].content == b"PRICE = 3\n"


def test_a_branch_is_no_lock(server: GitServer, folder: Path, loopback: Index, fast: Product, tmp_path: Path) -> None:
    root = by_requirements(tmp_path / "shop", f"{server.url}/till/.git", "main", loopback)
    said = fast.refused(root, tmp_path / "image.tar")
    assert "is not pinned" in said
    assert "hint: pin it to a commit: `git+URL@COMMIT`" in said


@pytest.fixture
def private(folder: Path) -> Iterator[GitServer]:
    with served(folder, login=f"ada:{SECRET}") as found:
        yield found


WITH_TOKEN = "//${GIT_NAME}:${GIT_TOKEN}@"
LETTING_IN: list[tuple[str, dict[str, str]]] = [
    ("//", {"NETRC": "{home}/netrc"}),
    ("//", {"HOME": "{home}"}),
    (WITH_TOKEN, {"GIT_NAME": "ada", "GIT_TOKEN": SECRET}),
    (f"//ada:{SECRET}@", {}),
]


@pytest.mark.parametrize(("place", "variables"), LETTING_IN, ids=["NETRC", "netrc", "variables", "lock"])
def test_a_private_repository_and_its_password(  # noqa: PLR0917 - fixtures
    private: GitServer,
    folder: Path,
    loopback: Index,
    fast: Product,
    tmp_path: Path,
    place: str,
    variables: dict[str, str],
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("netrc", ".netrc"):
        (home / name).write_text(f"machine 127.0.0.1 login ada password {SECRET}\n")
    url = f"{private.url}/till/.git"
    root = by_requirements(tmp_path / "shop", url.replace("//", place), commit(folder / "till", {}), loopback)
    product = replace(fast, variables={**fast.variables, **{k: v.format(home=home) for k, v in variables.items()}})
    said = product.run(*product.order(root, tmp_path / "image.tar"), "--verbose")
    assert said.status == 0, said.stderr
    tree = below(read_image(tmp_path / "image.tar").tree(start=1), SITE)
    origin = json.loads(tree["till-1.0.dist-info/direct_url.json"].content)
    assert origin["url"] == url
    forms = [SECRET.encode(), private.shown[0].removeprefix("Basic ").encode()]
    assert SECRET not in said.stdout + said.stderr
    files = [tmp_path / "image.tar", *(path for path in product.cache.rglob("*") if path.is_file())]
    assert not [path for path in files if any(form in path.read_bytes() for form in forms)]
    refused = fast.using(tmp_path / "cold", HOME=str(tmp_path), GIT_NAME="ada", GIT_TOKEN="wr0ng")
    if place in {"//", WITH_TOKEN}:
        assert "git cannot get the commit" in (error := refused.refused(root, tmp_path / "again.tar"))
        assert f'of "{url}"' in error
        assert "wr0ng" not in error


@pytest.mark.docker
def test_an_image_with_a_commit_runs(  # noqa: PLR0917 - fixtures
    server: GitServer,
    folder: Path,
    loopback: Index,
    fast: Product,
    tmp_path: Path,
    base_archive: Path,
    docker_classic: str,
    reference: str,
) -> None:
    root = by_uv(tmp_path / "shop", f"{server.url}/till/.git", commit(folder / "till", {}), loopback)
    loading = fast.using(base=f"docker-archive:{base_archive}", DOCKER_HOST=docker_classic)
    try:
        made = loading.build(root, None, "--tag", reference)
        assert made.report["import_check"] == "passed"
        words = ("run", "--rm", "--network=none", reference, "to", "you")
        assert run("docker", "-H", docker_classic, *words) == "shop 1.0.0: open all hours to you\n"
    finally:
        run("docker", "-H", docker_classic, "image", "rm", "--force", reference)
