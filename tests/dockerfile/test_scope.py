"""Variables: who sees them, in which order they stand, and what is left of an instruction's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.instructions import Copy, Typed
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.platforms import Platform, read_platform
from depsfirst.dockerfile.scope import (
    DEFAULT_PATH,
    Resolved,
    Scope,
    global_arguments,
    image_scope,
    platform_arguments,
    resolve,
    resolve_origin,
    stage_scope,
)
from depsfirst.dockerfile.stages import Outline, outline
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(text: str) -> Outline:
    result = outline(parse(text))
    assert not result.problems
    return result


def run(text: str, given: Mapping[str, str] | None = None, start: Scope | None = None) -> list[Resolved]:
    """What becomes of the instructions behind ``FROM a``."""
    result = read(text if "FROM" in text else f"FROM a\n{text}")
    arguments = global_arguments(result, {"TARGETARCH": "amd64"}, given or {})
    scope = start or image_scope(["PATH=/bin"], arguments, given or {})
    resolved = []
    for instruction in result.stages[-1].instructions:
        resolved.append(resolve(instruction, scope))
        scope = resolved[-1].scope
    return resolved


def variables(text: str, **given: str) -> list[tuple[str, str]]:
    """Those behind the last instruction, but PATH, in their order."""
    return [pair for pair in run(text, given)[-1].scope.variables.items() if pair[0] != "PATH"]


def last(text: str, **given: str) -> Typed:
    return run(text, given)[-1].instruction


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("ENV A=1 B=2", {}, [("A", "1"), ("B", "2")]),
        ("ENV A=1 B=2\nENV A=1", {}, [("B", "2"), ("A", "1")]),
        ("ENV A=1\nENV A=2 B=$A", {}, [("A", "2"), ("B", "1")]),
        ("ENV A 1 $B", {}, [("A", "1 ")]),
        ("ENV A='1  2'", {}, [("A", "1  2")]),
        ("ENV A=N\nENV $A=1", {}, [("A", "N"), ("N", "1")]),
        ("ARG A", {}, []),
        ("ARG A", {"A": "1"}, [("A", "1")]),
        ("ARG A=0", {}, [("A", "0")]),
        ("ARG A=0", {"A": "$1"}, [("A", "$1")]),
        ("ARG A=", {}, [("A", "")]),
        ("ARG A=1 B=$A", {}, [("A", "1"), ("B", "1")]),
        ("ENV X=1", {"A": "1"}, [("X", "1")]),
        ("ARG A=1\nENV A=2\nARG A", {}, [("A", "2")]),
        ("ENV A=2\nARG A=1", {}, [("A", "1")]),
        ("ARG HTTP_PROXY", {"HTTP_PROXY": "p"}, [("HTTP_PROXY", "p")]),
        ("ENV X=$HTTP_PROXY", {"HTTP_PROXY": "p"}, [("X", "")]),
        ("ARG TARGETARCH", {}, [("TARGETARCH", "amd64")]),
        ("ENV X=$TARGETARCH", {}, [("X", "")]),
        ("ARG G=1\nFROM a\nENV X=$G", {}, [("X", "")]),
        ("ARG G=1\nFROM a\nARG G", {}, [("G", "1")]),
        ("ARG G=1\nFROM a\nARG G=2", {}, [("G", "2")]),
        ("ARG G=1\nFROM a\nARG G=2", {"G": "3"}, [("G", "3")]),
        ("ARG BUILDKIT_SBOM_SCAN_STAGE=true", {}, []),
    ],
)
def test_variables_behind_the_last_instruction(
    text: str, given: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert variables(text, **given) == expected


def test_names_that_were_looked_up() -> None:
    first, second = run("ARG A=1\nENV B=$A C=${D:-$E}")
    assert (first.used, first.undefined) == (frozenset(), frozenset())
    assert (second.used, second.undefined) == (frozenset("A"), frozenset("DE"))
    assert run("ARG A=$B C=$A")[0].undefined == {"B"}
    assert run("ARG A=$B", {"A": "1"})[0].undefined == frozenset()


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('WORKDIR /$V/"a b"', "path", "/v w/a b"),
        ("USER $V:${N:-x}", "user", "v w:x"),
        ("STOPSIGNAL $V", "signal", "v w"),
        ("VOLUME /a $N/b", "paths", ("/a", "/b")),
        ("EXPOSE $V 80", "ports", ("v", "w", "80")),
        ("LABEL $V='$V'", "pairs", None),
        ("COPY --chown=$V --chmod=$V $V \\$V /$V/", "sources", ("v w", "$V")),
        ("COPY --exclude=$V a /$V/", "exclude", ("$V",)),
        ("COPY --exclude=$V a /$V/", "destination", "/v w/"),
        ("COPY --chown=$V a b", "chown", "v w"),
        ("ADD --checksum=$V a b", "checksum", "v w"),
        ("RUN $V", "command", ("$V",)),
        ("CMD $V", "command", ("$V",)),
        ('ENTRYPOINT ["$V"]', "command", ("$V",)),
        ("HEALTHCHECK CMD $V", "command", ("$V",)),
        ('SHELL ["$V"]', "command", ("$V",)),
        ("MAINTAINER $V", "maintainer", "$V"),
    ],
)
def test_which_words_are_expanded(text: str, field: str, value: object) -> None:
    resolved = last(f"ENV V='v w'\n{text}")
    if value is None:
        assert [(pair.name, pair.value) for pair in resolved.pairs] == [("v w", "$V")]  # type: ignore[attr-defined]
    else:
        assert getattr(resolved, field) == value


def test_documents() -> None:
    copy = last("ENV V=v\nCOPY <<A <<'B' /d/\n\"$V\" \\$V\nA\n$V\nB\n")
    assert isinstance(copy, Copy)
    assert [document.text for document in copy.documents] == ['"v" $V\n', "$V\n"]


def test_mounts_are_read_again() -> None:
    resolved = run("ENV T=cache R=true\nRUN --mount=type=$T,target=/$N,readonly=$R,id=$U a")[-1]
    assert resolved.instruction.mounts == (Mount("cache", target="/", readonly=True),)  # type: ignore[attr-defined]
    assert (resolved.used, resolved.undefined) == (frozenset("TR"), frozenset("NU"))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("WORKDIR ${A?no}", "Dockerfile:2", '"${A?no}" cannot be expanded: "A" has no value: no'),
        ("COPY 'a b", "Dockerfile:2", "\"'a\" cannot be expanded: the closing ' is missing"),
        ("RUN --mount=type=$A b", "Dockerfile:2", 'the mount option "type" cannot be ""'),
        ("ENV A=\nVOLUME $A", "Dockerfile:3", "VOLUME has an empty path"),
        (
            "COPY <<A b\n${\nA\n",
            "Dockerfile:2",
            '"${\n" cannot be expanded: "\n" behind the name "" is no substitution',
        ),
    ],
)
def test_what_is_refused_when_it_is_its_turn(text: str, where: str, message: str) -> None:
    with pytest.raises(DepsfirstError) as raised:
        run(text)
    assert (raised.value.where, raised.value.message) == (where, message)
    assert raised.value.hint


def test_a_volume_may_be_named_by_a_variable_of_the_base_image() -> None:
    assert last("VOLUME $OF_THE_BASE /data").paths == ("/data",)  # type: ignore[attr-defined]


def test_the_default_of_an_argument_that_is_given_is_not_looked_at() -> None:
    assert variables("ARG A=${B?no}", A="1") == [("A", "1")]


def test_the_escape_character_of_the_file_counts() -> None:
    result = read("# escape=`\nFROM a\nENV A=\\b`$c\n")
    scope = resolve(result.stages[0].instructions[0], image_scope([])).scope
    assert scope.variables["A"] == "\\b$c"


def test_global_arguments_see_one_another_and_the_platform() -> None:
    result = read("ARG A=$TARGETARCH\nARG B=${A}x C\nARG TARGETARCH\nARG D\nFROM a\n")
    values = global_arguments(result, {"TARGETARCH": "arm64"}, {"D": "d", "E": "e"})
    assert values == {"TARGETARCH": "arm64", "A": "arm64", "B": "arm64x", "D": "d"}
    assert list(values) == ["TARGETARCH", "A", "B", "D"]


def test_the_origin_of_a_stage() -> None:
    result = read("ARG V=3\nFROM --platform=$BUILDPLATFORM 'python':$V-${X:-slim} AS a\n")
    arguments = global_arguments(result, {"BUILDPLATFORM": "linux/amd64"}, {})
    origin = resolve_origin(result.stages[0].origin, arguments)
    assert (origin.image, origin.platform) == ("python:3-slim", Platform("linux", "amd64"))
    assert (origin.used, origin.undefined) == (frozenset({"V", "BUILDPLATFORM"}), frozenset("X"))


@pytest.mark.parametrize("text", ["FROM $A", "FROM --platform=$A b"])
def test_an_origin_of_which_nothing_is_left(text: str) -> None:
    with pytest.raises(DepsfirstError) as raised:
        resolve_origin(read(text).stages[0].origin, {}, "x/Dockerfile")
    assert raised.value.where == "x/Dockerfile:1"
    assert raised.value.message == 'nothing is left of "$A" in FROM'


def test_an_origin_with_half_a_platform_or_none() -> None:
    builder = {"BUILDOS": "linux", "BUILDARCH": "arm64"}
    assert resolve_origin(read("FROM --platform=linux a").stages[0].origin, builder).platform == Platform(
        "linux", "arm64"
    )
    assert resolve_origin(read("FROM a").stages[0].origin, builder).platform is None
    with pytest.raises(DepsfirstError) as raised:
        resolve_origin(read("\nFROM --platform=x86 a").stages[0].origin, builder)
    assert str(raised.value) == 'Dockerfile:2: "x86" is no platform'


def test_an_image_without_path_gets_one() -> None:
    assert list(image_scope(["A=1", "B=x=y"]).variables.items()) == [("A", "1"), ("B", "x=y"), ("PATH", DEFAULT_PATH)]
    assert list(image_scope(["PATH=/x", "A"]).variables.items()) == [("PATH", "/x"), ("A", "")]


def test_a_stage_from_a_stage_keeps_arguments_and_sets_the_image_s_own_again() -> None:
    scope = run("ENV A=1\nARG B=2 A=3\nENV C=4\nENV A2=5\nENV C=6")[-1].scope
    assert scope.image == (("PATH", "/bin"), ("A", "1"), ("C", "6"), ("A2", "5"))
    child = stage_scope(scope)
    assert list(child.variables.items()) == [("B", "2"), ("PATH", "/bin"), ("A", "1"), ("C", "6"), ("A2", "5")]


def test_platform_arguments() -> None:
    values = platform_arguments(Platform(), read_platform("linux/arm/v6"), "final", {"TARGETOS": "plan9", "X": "1"})
    assert values["BUILDPLATFORM"] == "linux/amd64"
    assert values["TARGETPLATFORM"] == "linux/arm/v6"
    assert (values["TARGETARCH"], values["TARGETVARIANT"], values["TARGETOS"]) == ("arm", "v6", "plan9")
    assert values["TARGETSTAGE"] == "final"
    assert "X" not in values
    assert platform_arguments(Platform(), Platform())["TARGETSTAGE"] == "default"


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64/v8"),
        ("linux/armhf", "linux/arm"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm/7", "linux/arm/v7"),
        ("macos/arm64", "darwin/arm64"),
        ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
        ("linux", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("armel", "linux/arm/v6"),
    ],
)
def test_platforms(text: str, platform: str) -> None:
    assert str(read_platform(text)) == platform


@pytest.mark.parametrize("text", ["", "x", "linux/", "a/b/c/d", "linux/a*"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(DepsfirstError, match="is no platform"):
        read_platform(text)
