"""Instructions with their meaning, or the reason why BuildKit refuses them."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.dockerfile.instructions import (
    Add,
    Arg,
    Cmd,
    Copy,
    Document,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Pair,
    Run,
    Shell,
    StopSignal,
    Typed,
    User,
    Volume,
    Workdir,
)
from depsfirst.dockerfile.interpretation import interpret
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.syntax import SyntaxProblem, parse

T = TypeVar("T", bound=Typed)


def typed(text: str, kind: type[T]) -> T:
    read = interpret(parse(text).instructions[0])
    assert isinstance(read, kind), read
    return read


def refusal(text: str) -> str:
    read = interpret(parse(text).instructions[0])
    assert isinstance(read, SyntaxProblem), read
    assert read.line == 1
    assert read.hint
    return read.message


def test_from() -> None:
    origin = typed("FROM --platform=$P python:$V aS Base_1.x", From)
    assert (origin.image, origin.stage, origin.platform) == ("python:$V", "base_1.x", "$P")
    assert typed("from a", From).stage is None


def test_run_in_both_forms() -> None:
    run = typed("RUN --network=none --security=insecure --device=vendor.com/d=x,required a  b", Run)
    assert (run.command, run.exec_form, run.network, run.security) == (("a  b",), False, "none", "insecure")
    assert [(device.name, device.required) for device in run.devices] == [("vendor.com/d=x", True)]
    assert run.argv(("/bin/sh", "-c")) == ("/bin/sh", "-c", "a  b")
    run = typed('RUN ["a", "b c"]', Run)
    assert (run.command, run.exec_form, run.network, run.security) == (("a", "b c"), True, "default", "sandbox")
    assert run.argv(("/bin/sh", "-c")) == ("a", "b c")
    assert typed("RUN", Run).argv(("sh",)) == ("sh", "")


@pytest.mark.parametrize(
    ("text", "script", "file"),
    [
        ("RUN <<E\na\nb\nE\n", "a\nb\n", None),
        ("RUN <<-E\n\ta\n\tE\n", "a\n", None),
        ("RUN <<E\n#!/bin/x\na\nE\n", "/dev/pipes/E", ("E", "#!/bin/x\na\n")),
        ("RUN cat <<A <<-B\na\nA\n\tb\n\tB\n", "cat <<A <<-B\na\nA\n\tb\nB", None),
        ("RUN python - <<'E'\n#!x\nE\n", "python - <<'E'\n#!x\nE", None),
    ],
)
def test_what_the_shell_gets_of_heredocs(text: str, script: str, file: tuple[str, str] | None) -> None:
    run = typed(text, Run)
    assert run.script() == script
    assert run.inline_file() == file


def test_run_mounts() -> None:
    run = typed("RUN --mount=type=cache,target=/c,id=$X --mount=readonly=$Y,target=/y x", Run)
    cache, broken = run.mounts
    assert cache == Mount(type="cache", target="/c", id="$X", readonly=False)
    assert not isinstance(broken, Mount)
    assert broken.message == 'the mount option "readonly" cannot be "$Y"'
    assert run.mount_texts == ("type=cache,target=/c,id=$X", "readonly=$Y,target=/y")


def test_copy() -> None:
    text = "COPY --from=Base --chown=a:b --chmod=644 --link --parents --exclude=*.md --exclude=x a $B /c/\n"
    copy = typed(text, Copy)
    assert (copy.sources, copy.destination, copy.from_) == (("a", "$B"), "/c/", "Base")
    assert (copy.chown, copy.chmod, copy.link, copy.parents) == ("a:b", "644", True, True)
    assert copy.exclude == ("*.md", "x")
    assert [place.of(text) for place in copy.source_places] == ["a", "$B"]
    assert copy.destination_place.of(text) == "/c/"
    assert not typed("COPY --link=FALSE a b", Copy).link


def test_copy_of_documents() -> None:
    text = "COPY <<A x <<-'B' /d/\n$a\nA\n\t$b\n\tB\n"
    copy = typed(text, Copy)
    assert copy.documents == (Document("A", "$a\n", expands=True), Document("B", "$b\n", expands=False))
    assert copy.sources == ("x",)
    assert [place.of(text) for place in copy.source_places] == ["x"]


def test_a_source_that_only_begins_like_a_document() -> None:
    copy = typed("COPY <<'a b' /d/\nx\na b\n", Copy)
    assert (copy.sources, copy.documents) == (("<<'a", "b'"), ())
    assert copy.syntax.heredocs[0].opener.delimiter == "a b"


def test_of_two_documents_with_one_name_the_last_counts() -> None:
    documents = typed("COPY <<A <<-A /d/\n\t1\nA\n\t2\nA\n", Copy).documents
    assert documents == (Document("A", "\t2\n", expands=True), Document("A", "2\n", expands=True))


def test_add() -> None:
    add = typed("ADD --checksum=sha256:0 --keep-git-dir --unpack=false https://x.example/a /b", Add)
    assert (add.checksum, add.keep_git_dir, add.unpack) == ("sha256:0", True, False)
    add = typed('ADD ["a b", "c"]', Add)
    assert (add.sources, add.destination, add.keep_git_dir, add.unpack) == (("a b",), "c", None, None)


def test_names_with_values() -> None:
    assert typed("ENV a=b c='d e'", Env).pairs == (Pair("a", "b"), Pair("c", "'d e'"))
    assert typed("ENV a  b c=d", Env).pairs == (Pair("a", "b c=d", legacy=True),)
    assert typed("LABEL a.b=", Label).pairs == (Pair("a.b", ""),)
    assert typed("ARG a b= c=d=e", Arg).pairs == (Pair("a", None), Pair("b", ""), Pair("c", "d=e"))


def test_the_small_ones() -> None:
    assert typed("WORKDIR  /a b ", Workdir).path == "/a b"
    assert typed("USER a:b", User).user == "a:b"
    assert typed("STOPSIGNAL $S", StopSignal).signal == "$S"
    assert typed("MAINTAINER a b", Maintainer).maintainer == "a b"
    assert typed("EXPOSE 90 80/udp", Expose).ports == ("90", "80/udp")
    assert typed('VOLUME [" /a ", "/b"]', Volume).paths == ("/a", "/b")
    assert typed('SHELL ["a", "-c"]', Shell).command == ("a", "-c")
    assert typed("CMD a b", Cmd).command == ("a b",)
    assert typed("ENTRYPOINT []", Entrypoint).command == ()
    assert typed("CMD a", Cmd).name == "CMD"
    assert typed("\nCMD a\\\n b", Cmd).end_line == 3


def test_healthcheck() -> None:
    check = typed(
        "HEALTHCHECK --interval=1h1.5s --timeout=100ms --start-period=0 --start-interval=2m --retries=+3 CMD a b",
        Healthcheck,
    )
    assert (check.command, check.exec_form, check.disabled) == (("a b",), False, False)
    times = (check.interval, check.timeout, check.start_period, check.start_interval)
    assert times == (3_601_500_000_000, 100_000_000, 0, 120_000_000_000)
    assert check.retries == 3
    assert typed("HEALTHCHECK none", Healthcheck).disabled
    assert typed('HEALTHCHECK CMD ["a", "b"]', Healthcheck).command == ("a", "b")


def test_onbuild() -> None:
    onbuild = typed("ONBUILD COPY --from=a b \\\n c\n", Onbuild)
    assert isinstance(onbuild.trigger, Copy)
    assert (onbuild.trigger.from_, onbuild.trigger.line, onbuild.trigger.end_line) == ("a", 1, 2)
    late = typed("ONBUILD COPY a", Onbuild).trigger
    assert isinstance(late, SyntaxProblem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FOO a", '"FOO" is no instruction'),
        ("FROM", "FROM needs one word or three"),
        ("FROM a b", "FROM needs one word or three"),
        ("FROM a is b", "FROM needs one word or three"),
        ("FROM a as 1b", '"1b" cannot name a stage'),
        ("FROM a as b/c", '"b/c" cannot name a stage'),
        ("FROM --platform a", 'the flag "--platform" has no value'),
        ("FROM --from=b a", 'the flag "--from" is unknown'),
        ("RUN --network=no a", 'the network "no" does not exist'),
        ("RUN --network= a", 'the network "" does not exist'),
        ("RUN --security=x a", 'the security mode "x" does not exist'),
        ("RUN --mount=from=$a,target=/b c", 'the mount option "from=$a" has a variable, which "from" cannot have'),
        ("RUN --mount= a", "the flag has an empty value"),
        ('RUN --mount=a\\"b c', 'the quotes in "a"b" do not fit'),
        ("RUN --device=a,b c", 'the device option "b" is unknown'),
        ("RUN --help", 'the flag "--help" is unknown'),
        ("COPY a", "COPY needs a source and a destination"),
        ("COPY", "COPY needs a source and a destination"),
        ("COPY a <<E\nE\n", "the destination of COPY is a heredoc"),
        ("COPY --link=1 a b", 'the flag "--link" cannot be "1"'),
        ("COPY --link= a b", 'the flag "--link" has no value'),
        ("COPY --from=a --from=b c d", 'the flag "--from" stands here twice'),
        ("ADD --from=a b c", 'the flag "--from" is unknown'),
        ("ENV", "ENV has no argument"),
        ("ENV =a", "ENV has a value without a name"),
        ("ENV --a b=c", 'the flag "--a" is unknown'),
        ("ARG", "ARG has no argument"),
        ("ARG =a", "ARG has a value without a name"),
        ("WORKDIR", "WORKDIR has no argument"),
        ("USER --a b", 'the flag "--a" is unknown'),
        ("MAINTAINER --boo a", 'the flag "--boo" is unknown'),
        ("EXPOSE", "EXPOSE has no argument"),
        ("VOLUME []", "VOLUME has no argument"),
        ('VOLUME [""]', "VOLUME has an empty path"),
        ("SHELL a -c", "SHELL needs a JSON array"),
        ("SHELL []", "SHELL has no argument"),
        ("ONBUILD", "ONBUILD has no instruction"),
        ("ONBUILD FROM a", "FROM cannot stand behind ONBUILD"),
        ("ONBUILD onbuild RUN a", "ONBUILD cannot stand behind ONBUILD"),
        ("HEALTHCHECK", "HEALTHCHECK has no argument"),
        ("HEALTHCHECK NONE a", "HEALTHCHECK NONE has an argument"),
        ("HEALTHCHECK CMD", "HEALTHCHECK CMD has no command"),
        ("HEALTHCHECK a b", '"a" is no kind of HEALTHCHECK'),
        ("HEALTHCHECK --interval=3 CMD a", 'the time "3" of "--interval" cannot be read'),
        ("HEALTHCHECK --interval=- CMD a", 'the time "-" of "--interval" cannot be read'),
        ("HEALTHCHECK --timeout=-1s CMD a", 'the time "-1s" of "--timeout" is out of range'),
        ("HEALTHCHECK --timeout=999us CMD a", 'the time "999us" of "--timeout" is out of range'),
        (f"HEALTHCHECK --timeout={'9' * 5000}h CMD a", f'the time "{"9" * 5000}h" of "--timeout" is out of range'),
        ("HEALTHCHECK --retries=-1 CMD a", 'the number "-1" of "--retries" cannot be used'),
        ("HEALTHCHECK --retries=x CMD a", 'the number "x" of "--retries" cannot be used'),
        ("ENV a", '"a" has no value'),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("text", ["ARG --a b", "STOPSIGNAL --a 9"])
def test_flags_that_buildkit_does_not_look_at(text: str) -> None:
    typed(text, Typed)


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("COPPY", "COPY is near"),
        ("form", "FROM is near"),
        ("WORKDR", "WORKDIR is near"),
        ("FOO", "a line that continues another needs an escape character at the other's end"),
    ],
)
def test_an_unknown_instruction_is_likened_to_a_known_one(keyword: str, hint: str) -> None:
    read = interpret(parse(f"{keyword} a b").instructions[0])
    assert isinstance(read, SyntaxProblem)
    assert read.hint == hint


@given(
    st.sampled_from(
        ["FROM", "RUN", "COPY", "ADD", "ENV", "ARG", "HEALTHCHECK", "SHELL", "ONBUILD", "VOLUME", "EXPOSE", "LABEL"]
    ),
    st.text(st.sampled_from("-ab=, \"'[]\\<E$1s{}:\n"), max_size=30),
)
def test_any_instruction_means_something_or_says_why_not(keyword: str, rest: str) -> None:
    for instruction in parse(f"{keyword} {rest}").instructions:
        assert isinstance(interpret(instruction), Typed | SyntaxProblem)
