"""What `why` is asked that cannot be answered: each is one sentence with a place and a hint, and never a traceback."""

from __future__ import annotations

import io
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import processor_seconds

from depsfirst.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = "FROM python:3.12-slim AS base\nARG MODE=fast\nRUN echo $MODE\nFROM base AS final\nCOPY . .\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text(GOOD)
    (folder / "main.py").write_text("")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def asked(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["why", *words])
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return asked


@pytest.fixture
def refused(ask: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Ask in vain; what was said on standard error, which is one error with a hint."""

    def said(*words: str) -> str:
        code, out, err = ask(*words)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: ")
        assert err.count("error: ") == 1
        assert "\nhint: " in err
        assert "Traceback" not in err
        return err

    return said


def test_the_good_one_is_answered(here: Path, ask: Any) -> None:
    assert ask("main.py")[0] == 0


# What Docker would refuse, too


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("FROM x\nRUN a\nFORM y\n", "Dockerfile:3"),
        ("FROM x\nCOPY a\n", "Dockerfile:2"),
        ("RUN a\n", "Dockerfile:1"),
        ("FROM x\nCOPY --nothing=1 a b\n", "Dockerfile:2"),
        ("FROM x\nRUN <<E\na\n", "Dockerfile:2"),
        ("FROM x\nCOPY --from=7 a b\n", "Dockerfile:2"),
        ("FROM $NOTHING\n", "Dockerfile:1"),
        ("ARG A=1\n", "Dockerfile:1"),
        ("FROM x\nENV A=${B:!}\n", "Dockerfile:2"),
        ("FROM x AS a\nCOPY --from=b / /\nFROM a AS b\n", "Dockerfile:2"),
    ],
)
def test_a_dockerfile_that_buildkit_refuses(here: Path, refused: Any, text: str, place: str) -> None:
    (here / "Dockerfile").write_text(text)
    assert refused("main.py").startswith(f"error: {place}: ")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_an_empty_dockerfile(here: Path, refused: Any, text: str) -> None:
    (here / "Dockerfile").write_text(text)
    assert refused("main.py").startswith("error: Dockerfile:")


def test_a_binary_dockerfile(here: Path, refused: Any) -> None:
    (here / "Dockerfile").write_bytes(b"FROM x\n\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert "error: Dockerfile:4: this is no text" in refused("main.py")


@pytest.mark.parametrize("seed", range(3))
def test_a_megabyte_of_garbage(here: Path, refused: Any, seed: int) -> None:
    letters = random.Random(seed)
    said: list[str] = []
    (here / "Dockerfile").write_bytes(bytes(letters.choices(range(1, 256), k=1_000_000)))
    assert processor_seconds(lambda: said.append(refused("main.py"))) < 5
    assert all(each.startswith("error: Dockerfile:") for each in said)


def test_bytes_that_are_no_text_in_a_comment_do_not_matter(here: Path, ask: Any) -> None:
    (here / "Dockerfile").write_bytes(b"# caf\xe9\nFROM x\nCOPY caf\xe9.py /\nCOPY . .\n")
    code, out, _ = ask("main.py", "--format", "json")
    assert code == 0
    assert '"reads' not in out


# What is not there


def test_no_dockerfile(here: Path, refused: Any) -> None:
    (here / "Dockerfile").unlink()
    err = refused("main.py")
    assert 'no Dockerfile in "."' in err
    assert "--file" in err


@pytest.mark.parametrize("name", ["docker/Dockerfile", "."])
def test_a_dockerfile_that_is_not_there(here: Path, refused: Any, name: str) -> None:
    assert f'"{name}"' in refused("main.py", "--file", name)


def test_a_dockerfile_that_may_not_be_read(here: Path, refused: Any, as_anybody: Any) -> None:
    (here / "Dockerfile").chmod(0)
    with as_anybody():
        err = refused("main.py")
    assert "ermission denied" in err
    assert "Dockerfile" in err


def test_a_dockerfile_that_is_a_directory(here: Path, refused: Any) -> None:
    (here / "docker").mkdir()
    assert '"docker" is a directory' in refused("main.py", "-f", "docker")


@pytest.mark.parametrize("target", ["finale", "1", "Final "])
def test_a_target_that_is_not_there(here: Path, refused: Any, target: str) -> None:
    err = refused("main.py", "--target", target)
    assert f'no stage is called "{target}"' in err
    assert '"base", "final"' in err


def test_a_build_argument_that_nothing_asks_for(here: Path, refused: Any) -> None:
    err = refused("main.py", "--build-arg", "MOED=slow")
    assert '"MOED"' in err
    assert '"MODE"' in err


@pytest.mark.parametrize("text", ["=x", "", "NOT_IN_THE_ENVIRONMENT"])
def test_a_build_argument_without_name_or_value(here: Path, refused: Any, text: str) -> None:
    assert "NAME=VALUE" in refused("main.py", "--build-arg", text)


@pytest.mark.parametrize("name", ["MODE", "https_proxy", "BUILDKIT_INLINE_CACHE", "TARGETARCH", "SOURCE_DATE_EPOCH"])
def test_build_arguments_that_need_no_arg(here: Path, ask: Any, name: str) -> None:
    assert ask("main.py", "--build-arg", f"{name}=1")[0] == 0


def test_a_named_context_that_nothing_refers_to(here: Path, refused: Any) -> None:
    assert 'refers to the build context "sdk"' in refused("main.py", "--build-context", "sdk=.")


def test_a_named_context_that_is_not_there(here: Path, refused: Any) -> None:
    (here / "Dockerfile").write_text("FROM x\nCOPY --from=sdk . .\n")
    assert "nowhere" in refused("main.py", "--build-context", "sdk=nowhere")


@pytest.mark.parametrize(
    "words", [("--context", "https://git.example/a.git"), ("--build-context", "base=docker-image://x")]
)
def test_a_context_that_is_elsewhere(here: Path, refused: Any, words: tuple[str, str]) -> None:
    err = refused("main.py", *words)
    assert words[1].rpartition("=")[2] in err
    assert "is no directory" in err


# Contexts and paths


@pytest.mark.parametrize(("name", "said"), [("nowhere", "cannot be read"), ("main.py", "is no directory")])
def test_a_context_that_is_no_directory(here: Path, refused: Any, name: str, said: str) -> None:
    err = refused("a", "--context", name, "--file", "Dockerfile")
    assert name in err
    assert said in err
    assert name in refused("a", "--context", name)


def test_a_context_that_may_not_be_read(here: Path, refused: Any, as_anybody: Any) -> None:
    (here / "closed").mkdir()
    (here / "closed").chmod(0)
    with as_anybody():
        err = refused("main.py", "--context", "closed", "--file", "Dockerfile")
    (here / "closed").chmod(0o755)
    assert "closed" in err
    assert "ermission denied" in err


@pytest.mark.parametrize("option", ["--file", "--context", "--target"])
def test_an_option_without_a_value(here: Path, refused: Any, option: str) -> None:
    assert "empty" in refused("main.py", option, "")


@pytest.mark.parametrize("path", ["../main.py", "/etc/hosts", "a/../../b", ".."])
def test_a_path_outside_of_the_context(here: Path, refused: Any, path: str) -> None:
    assert f'"{path}" is outside the build context' in refused(path)


def test_an_empty_path(here: Path, refused: Any) -> None:
    assert "a path is empty" in refused("")


@pytest.mark.parametrize("words", [(), ("main.py", "--change", "code")])
def test_neither_or_both_of_paths_and_change(here: Path, refused: Any, words: tuple[str, ...]) -> None:
    assert "--change" in refused(*words)


def test_a_change_that_is_not_known(here: Path, ask: Any) -> None:
    code, out, err = ask("--change", "weather")
    assert (code, out) == (2, "")
    assert "weather" in err


@pytest.mark.parametrize("kind", ["code", "version-bump", "readme"])
def test_a_change_that_is_not_found(here: Path, refused: Any, kind: str) -> None:
    (here / "main.py").unlink()
    refused("--change", kind)


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_an_ignore_file_with_a_bad_pattern(here: Path, refused: Any, name: str) -> None:
    (here / name).write_text("docs\n[z-a\n")
    assert refused("main.py").startswith(f"error: {name}:2: ")


def test_a_manifest_that_is_no_toml(here: Path, refused: Any) -> None:
    (here / "pyproject.toml").write_text("[project\n")
    assert "pyproject.toml:1" in refused("--change", "version-bump")


@pytest.mark.parametrize("version", ["", "new", "1", "a.b"])
def test_a_buildkit_of_no_version(here: Path, refused: Any, version: str) -> None:
    assert f'"{version}"' in refused("main.py", "--buildkit", version)


# Commits


def test_a_revision_without_a_repository(here: Path, refused: Any) -> None:
    assert "no git repository" in refused("main.py", "--rev", "HEAD")


@pytest.mark.parametrize("name", ["nowhere", "", "-x"])
def test_a_revision_that_is_not_there(here: Path, refused: Any, name: str) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    assert f'"{name}"' in refused("main.py", f"--rev={name}")


def test_git_that_is_not_there(here: Path, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in refused("main.py", "--rev", "HEAD")


# Around it


def test_a_dockerfile_from_standard_input(here: Path, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    code, out, _ = ask("main.py", "--file", "-")
    assert code == 0
    assert "2 of 2" not in out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"NONSENSE\n")))
    code, out, err = ask("main.py", "--file", "-")
    assert (code, out) == (2, "")
    assert err.startswith("error: -:1: ")


def test_an_output_that_is_full(here: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        words = [*command, "why", "main.py"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left" in done.stderr
