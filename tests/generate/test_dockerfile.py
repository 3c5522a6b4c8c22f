from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pin import pins
from tests.generate.cases import CASES, UV, Case

from depsfirst.dockerfile.context import read_context
from depsfirst.dockerfile.instructions import Copy, Run
from depsfirst.dockerfile.selection import select
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from tests.generate.conftest import Make, Write

    from depsfirst.generate.files import Generated

EXPECTED = Path(__file__).parent / "expected"
PINS = pins()


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    return request.param, CASES[request.param]


def test_whole_text(case: tuple[str, Case], write: Write, make: Make) -> None:
    name, given = case
    made = make(write(given.files, given.like) / given.directory, **given.options)
    text = made.files[made.dockerfile]
    for pin in PINS:  # raised by `make requirements`
        text = text.replace(f"ARG {pin.argument}={pin.version}\n", f"ARG {pin.argument}=PINNED\n")
    assert text == (EXPECTED / f"{name}.Dockerfile").read_text()


def test_every_source_is_there(case: tuple[str, Case], write: Write, make: Make) -> None:
    """What is copied is in the context and not ignored, or an earlier stage; BuildKit would fail on anything else."""
    _, given = case
    made = make(write(given.files, given.like) / given.directory, **given.options)
    dockerfile = parse(made.files[made.dockerfile])
    for path, text in made.files.items():
        path.write_text(text)
    found = outline(dockerfile)
    assert not dockerfile.problems
    assert not found.problems
    context = read_context(made.context, made.dockerfile)
    stages = {stage.name for stage in found.stages}
    copies = [each for stage in found.stages for each in stage.instructions if isinstance(each, Copy)]
    assert any(not copy.from_ for copy in copies)
    for copy in copies:
        if not copy.from_:
            assert all(select(context, [source]).paths() for source in copy.sources), copy
        else:
            assert copy.from_ in stages


@pytest.mark.parametrize(
    ("broken", "ends"),
    [("older/report.py", 0), ("templates/{{ name }}.py", 0), ("main.py", 1)],
    ids=["another Python", "a template", "what starts"],
)
def test_only_what_starts_has_to_compile(broken: str, ends: int, write: Write, make: Make) -> None:
    root = write(CASES["uv-tree"].files | {broken: "print 'shop'\n"})
    made = make(root)
    (code,) = (stage for stage in outline(parse(made.files[made.dockerfile])).stages if stage.name == "code")
    (run,) = (each for each in code.instructions if isinstance(each, Run))
    command = run.syntax.text.removeprefix("RUN ").replace("\\\n", "").replace("/opt/venv/bin/python", sys.executable)
    done = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, broken in done.stdout + done.stderr) == (ends, True)
    assert "depsfirst" not in command
    assert list(root.glob("__pycache__/main.*")) or ends


def test_what_starts_is_found_where_modules_are(write: Write, make: Make) -> None:
    manifest = {
        "pyproject.toml": CASES["uv-tree"].files["pyproject.toml"],
        "uv.lock": CASES["uv-tree"].files["uv.lock"],
    }
    made = make(write(manifest | {"src/shop/__main__.py": "", "src/shop/__init__.py": ""}))
    assert "-m py_compile src/shop/__main__.py\n" in made.files[made.dockerfile]
    assert 'CMD ["/opt/venv/bin/python", "-m", "shop"]' in made.files[made.dockerfile]


def test_bumped_version_leaves_the_text_alone(write: Write, make: Make) -> None:
    root = write(UV)
    before = make(root).files
    for file in ("pyproject.toml", "uv.lock"):
        text = (root / file).read_text()
        assert "1.2.3" in text
        (root / file).write_text(text.replace("1.2.3", "1.3.0"))
    assert make(root).files == before


def product(*words: str | Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "depsfirst", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout + done.stderr


def placed(made: Generated) -> Generated:
    for path, text in made.files.items():
        path.write_text(text)
    return made


def test_check_finds_nothing(case: tuple[str, Case], write: Write, make: Make) -> None:
    _, given = case
    made = placed(make(write(given.files, given.like) / given.directory, **given.options))
    code, said = product("check", made.dockerfile)
    assert (code, "nothing found" in said) == (0, True), said


@pytest.mark.parametrize("change", ["code", "version-bump", "readme"])
@pytest.mark.parametrize("name", ["uv", "uv-tree"])
def test_edits_install_nothing_again(name: str, change: str, write: Write, make: Make) -> None:
    made = placed(make(write(CASES[name].files)))
    code, said = product("why", "--change", change, "--format", "json", "--context", made.context)
    assert code == 0, said
    answer = json.loads(said)
    assert answer["reruns_dependencies"] == "no"
    assert "reruns" in {step["status"] for step in answer["steps"] if step["stage"] == "code"}


@pytest.mark.usefixtures("buildx")
def test_buildkits_own_checks(case: tuple[str, Case], write: Write, make: Make, docker_containerd: str) -> None:
    _, given = case
    made = placed(make(write(given.files, given.like) / given.directory, **(given.options | {"base": "localbase:1"})))
    command = ["docker", "-H", docker_containerd, "buildx", "build", "--check"]
    done = subprocess.run(
        [*command, "--file", made.dockerfile, made.context], capture_output=True, text=True, timeout=600, check=False
    )
    if "unknown flag" in done.stderr or "not supported" in done.stderr or "unknown command" in done.stderr:
        pytest.skip("this Docker has no checks; that of `python3 -m scripts.engines up --suite forky` does")
    assert done.returncode == 0, done.stderr
    assert "no warnings found" in done.stdout + done.stderr
