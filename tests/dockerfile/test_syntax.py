"""A Dockerfile in, its parts and their places out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from depsfirst.dockerfile.syntax import Dockerfile, Instruction, SyntaxProblem, parse, require_valid
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from depsfirst.dockerfile.words import Flag, Token


def only(text: str) -> Instruction:
    """The instruction behind ``FROM a``."""
    parsed = parse(f"FROM a\n{text}")
    assert not parsed.problems
    assert len(parsed.instructions) == 2
    return parsed.instructions[1]


def problem(text: str) -> SyntaxProblem:
    found = parse(text).problems
    assert found
    return found[0]


def written(parsed: Dockerfile, instruction: Instruction) -> list[str]:
    parts: list[Token | Flag] = [*instruction.flags, *instruction.tokens]
    return [instruction.place_of(part).of(parsed.text) for part in parts]


ODD_TEXTS = [
    "",
    "\n",
    "FROM a",
    "\ufeffFROM a\n",
    "\ufeff\ufeffFROM a\n",
    "FROM a\r\nRUN x \\\r\n  y\r\n",
    "FROM a\rRUN b",
    "FROM a\nRUN \x00\n",
    "FROM a\nRUN b \\",
    "FROM a\nRUN b \\\n",
    "FROM a\nRUN b \\\n\n\n# c\n",
    "\\\n",
    "\\\nFROM a",
    "FROM a\nRUN <<E\nx",
    "FROM a\u2028b\x0bc\x85d\n",
    "# escape=`\nFROM a`\n b\n",
    "\ud800",
    "FROM --platform=\ud800 a",
    "ONBUILD " * 300 + "RUN <<",
    "FROM a\nRUN cat <<E " + "${x:-" * 5000,
    "RUN [" + "[" * 100_000,
    'RUN ["' + "\\ud800" * 2 + '"]',
    "HEALTHCHECK \ud800\u2020 CMD x",
    "ENV " + "'" * 3,
    "#" * 70_000,
    "FROM a\n" + "x" * 70_000 + "\nRUN b\n",
]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_nothing_is_lost_and_nothing_raises(text: str) -> None:
    assert str(parse(text)) == text


LINES = st.sampled_from(
    [
        "FROM a AS b\n",
        "RUN cat <<E <<-'F' \\\n",
        "E\n",
        "\tF\n",
        "# c\n",
        "  # escape=`\n",
        "COPY --from=a --chown='x y' b \"c d\" \\\n",
        'CMD ["a", "\\u00e9"]\n',
        "ENV a=b\\\n",
        " c='d e' \\ \t\r\n",
        "\r\n",
        "ONBUILD RUN --mount=x <<E\n",
        "ARG a b=${c:-d}\n",
        "x",
        "\n",
        "`\n",
        "HEALTHCHECK --x CMD [\n",
    ]
)


@given(st.lists(LINES | st.text(max_size=12), max_size=14).map("".join))
@example("\\\nFROM a AS b\n")
def test_every_place_says_what_the_parser_read(text: str) -> None:
    parsed = parse(text)
    assert str(parsed) == text
    last = 0
    for instruction in parsed.instructions:
        assert last < instruction.line <= instruction.end_line
        last = instruction.end_line
        span = instruction.span
        assert text[span.offset :].startswith(instruction.keyword[:1])
        assert text.count("\n", 0, span.offset) + 1 == span.line >= instruction.line
        assert span.offset == text.rfind("\n", 0, span.offset) + span.column
        assert text.count("\n", 0, span.end) + 1 == instruction.end_line
        joined = "".join(text[instruction._logical.offset(index)] for index in range(len(instruction.text)))
        assert joined == instruction.text
        for heredoc in instruction.heredocs:
            assert heredoc.body_span.of(text) == heredoc.content
            assert "<<" in heredoc.opener_span.of(text)
            assert heredoc.closing_span.of(text).lstrip("\t") == (heredoc.opener.delimiter if heredoc.closed else "")
    for comment in parsed.comments:
        assert comment.span.of(text).startswith("#")
        assert comment.text in comment.span.of(text)
    for directive in parsed.directives:
        assert directive.value_span.of(text) == directive.value


@given(st.binary(max_size=300))
def test_any_bytes_that_are_read_as_latin_1_or_utf_8(content: bytes) -> None:
    for text in (
        content.decode("latin-1"),
        content.decode("utf-8", "replace"),
        content.decode("utf-8", "surrogateescape"),
    ):
        assert str(parse(text)) == text


def test_an_instruction_knows_its_place() -> None:
    text = "# first\n\nFROM a\n  run --network=none \\\n\n # why\n    pip install \\\n b\n"
    run = parse(text).instructions[1]
    assert (run.name, run.keyword, run.line, run.end_line) == ("RUN", "run", 4, 8)
    assert run.text == "run --network=none     pip install  b"
    assert (run.span.line, run.span.column) == (4, 3)
    assert run.span.of(text) == "run --network=none \\\n\n # why\n    pip install \\\n b"
    assert run.values == ("pip install  b",)
    flag = run.place_of(run.flags[0])
    assert (flag.line, flag.column, flag.of(text)) == (4, 7, "--network=none")
    word = run.place_of(run.tokens[0])
    assert (word.line, word.column, word.of(text)) == (7, 5, "pip install \\\n b")
    start = run.text.index("install")
    assert run.place(start, start + 7).of(text) == "install"


def test_a_word_may_go_over_a_continuation() -> None:
    parsed = parse("FROM a\nCOPY fo\\\no /b\\\nar\n")
    copy = parsed.instructions[1]
    assert copy.values == ("foo", "/bar")
    assert written(parsed, copy) == ["fo\\\no", "/b\\\nar"]
    assert [copy.place_of(token).line for token in copy.tokens] == [2, 3]


def test_a_value_that_is_empty_has_a_place() -> None:
    parsed = parse("FROM a\nENV b= c=\\\n\n")
    places = [parsed.instructions[1].place_of(token) for token in parsed.instructions[1].tokens]
    assert [(place.offset, place.end) for place in places] == [(11, 12), (13, 13), (14, 15), (16, 16)]


def test_comments_inside_and_outside() -> None:
    parsed = parse("# a\nFROM a # no comment\nRUN x \\\n#b \n  \t# c\n y # d\n#\n")
    assert [(comment.text, comment.span.line, comment.span.column) for comment in parsed.comments] == [
        ("a", 1, 1),
        ("b", 4, 1),
        ("c", 5, 4),
        ("", 7, 1),
    ]
    assert parsed.instructions[1].text == "RUN x  y # d"


def test_directives_stand_before_all_else() -> None:
    parsed = parse("#syntax = docker/dockerfile:1 \n# Check=skip=all\n  # escape=`\nFROM a\n# syntax=b\n")
    assert [(each.name, each.value, each.span.line) for each in parsed.directives] == [
        ("syntax", "docker/dockerfile:1", 1),
        ("check", "skip=all", 2),
        ("escape", "`", 3),
    ]
    assert parsed.escape == "`"
    assert [comment.text for comment in parsed.comments] == ["syntax=b"]


@pytest.mark.parametrize("before", ["\n", "# other\n", "# unknown=1\n", "#!/usr/bin/env x\n", "FROM a\n"])
def test_a_directive_behind_anything_else_is_a_comment(before: str) -> None:
    parsed = parse(f"{before}# escape=`\nFROM a\n")
    assert not parsed.directives
    assert parsed.escape == "\\"


def test_the_escape_character_continues_and_quotes() -> None:
    parsed = parse("# escape=`\nFROM a\nRUN a\\ `\n  b\\\nENV c=d` e f=g\\\n")
    assert parsed.instructions[1].text == "RUN a\\   b\\"
    assert parsed.instructions[2].values == ("c", "d` e", "f", "g\\")


@pytest.mark.parametrize(
    ("line", "continues"),
    [("a \\", True), ("a \\ \t", True), ("a\\\\", False), ("a\\\\\\", False), ("a \\ b", False), ("a \\ \\", True)],
)
def test_what_continues_a_line(line: str, *, continues: bool) -> None:
    parsed = parse(f"FROM a\nRUN {line}\nUSER b\n")
    assert len(parsed.instructions) == (2 if continues else 3)


def test_a_line_that_is_only_a_continuation_begins_an_instruction() -> None:
    parsed = parse("\\\n  FROM a\n")
    first = parsed.instructions[0]
    assert (first.name, first.line, first.end_line, first.span.line, first.span.column) == ("FROM", 1, 2, 2, 3)


@pytest.mark.parametrize(
    ("text", "flags", "rest"),
    [
        ("RUN --a --b=c d", [("a", None), ("b", "c")], "d"),
        ("RUN --a='b c'd\\ e f", [("a", "b cd e")], "f"),
        ('RUN --a="b\\"c" d', [("a", 'b"c')], "d"),
        ("RUN -- --a", [], "--a"),
        ("RUN --a -- --b", [("a", None)], "--b"),
        ("RUN -a --b", [], "-a --b"),
        ("RUN --a=b=c", [("a", "b=c")], ""),
        ("COPY --chown=é a b", [("chown", "Ã©")], "a b"),
        ("COPY --chown=à x b", [("chown", "Ã")], "x b"),
    ],
)
def test_flags(text: str, flags: list[tuple[str, str | None]], rest: str) -> None:
    instruction = only(text)
    assert [(flag.name, flag.value) for flag in instruction.flags] == flags
    assert instruction.arguments.value == rest


def test_places_of_flags_behind_characters_of_many_bytes() -> None:
    parsed = parse("FROM a\nCOPY --exclude='ü*' --link é /ö\n")
    copy = parsed.instructions[1]
    assert [copy.place_of(flag).of(parsed.text) for flag in copy.flags] == ["--exclude='ü*'", "--link"]
    assert copy.values == ("é", "/ö")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ENV a=b c='d e' f=\"g h\" i=j\\ k", ("a", "b", "c", "'d e'", "f", '"g h"', "i", "j\\ k")),
        ("ENV a  b c=d", ("a", "b c=d")),
        ("LABEL a= b==c", ("a", "", "b", "=c")),
        ("ENV a=b'c d'e", ("a", "b'c d'e")),
        ("ENV a='b", ("a", "'b")),
        ("ENV a='b\\' c=d", ("a", "'b\\'", "c", "d")),
        ("ARG a b=c 'd e'=f", ("a", "b=c", "'d e'=f")),
        ("ARG a=\\\\\\", ("a=\\\\",)),
        ("EXPOSE 80  443/tcp", ("80", "443/tcp")),
        ("USER a b", ("a b",)),
        ('COPY ["a b", "c"]', ("a b", "c")),
        ("COPY ['a', 'b']", ("['a',", "'b']")),
        ('VOLUME ["/a"] /b', ('["/a"]', "/b")),
        ("CMD [ ]", ()),
        ('CMD ["\\u00e9\\ud83d\\ude00\\ud800"]', ("é😀\ufffd",)),
        ('CMD ["a",]', ('["a",]',)),
        ("CMD [NaN]", ("[NaN]",)),
        ("CMD [1e999]", ("[1e999]",)),
        ("RUN [ -f a ]", ("[ -f a ]",)),
        ('HEALTHCHECK CMD ["a", "b"]', ("CMD", "a", "b")),
        ("HEALTHCHECK cmd a b", ("cmd", "a b")),
        ("RUN", ()),
    ],
)
def test_words(text: str, values: tuple[str, ...]) -> None:
    assert only(text).values == values


def test_the_two_forms() -> None:
    assert only('RUN ["a"]').exec_form
    assert not only("RUN a").exec_form
    assert not only('RUN ["a"] && b').exec_form
    assert only('ONBUILD RUN ["a"]').trigger.exec_form  # type: ignore[union-attr]


def test_heredocs() -> None:
    text = 'FROM a\nRUN cat <<A 3<<-"B C" << D\na \\\n# no comment\nA\n\tb\n\tB C\n$d\nD\nUSER x\n'
    parsed = parse(text)
    run = parsed.instructions[1]
    assert (run.line, run.end_line) == (2, 9)
    openers = [heredoc.opener for heredoc in run.heredocs]
    assert [(each.delimiter, each.expands, each.strips_tabs, each.descriptor) for each in openers] == [
        ("A", True, False, 0),
        ("B C", False, True, 3),
        ("D", True, False, 0),
    ]
    assert [heredoc.content for heredoc in run.heredocs] == ["a \\\n# no comment\n", "\tb\n", "$d\n"]
    assert run.heredocs[1].text == "b\n"
    assert [heredoc.opener_span.of(text) for heredoc in run.heredocs] == ["<<A", '3<<-"B C"', "<< D"]
    assert not parsed.comments
    assert parsed.instructions[2].name == "USER"


@pytest.mark.parametrize(
    "text",
    [
        "RUN echo '<<E'",
        "RUN a <<",
        "RUN a <<<E",
        "RUN cat <<E 'unclosed",
        'RUN ["a", "<<E"]',
        "CMD cat <<E",
        "ENV a=<<E",
        "RUN a <<''",
        "RUN a${y/b/<<E}",
        "RUN x${y:-z}<<E ${y:-z}",  # the substitution clears the word that the heredoc's delimiter is part of
    ],
)
def test_what_is_no_heredoc(text: str) -> None:
    assert not only(text).heredocs


def test_heredocs_of_a_trigger() -> None:
    onbuild = only("ONBUILD COPY <<E /e\nx\nE\n")
    assert onbuild.end_line == 4
    assert onbuild.trigger
    assert onbuild.trigger.name == "COPY"
    assert onbuild.trigger.values == ("<<E", "/e")
    assert onbuild.trigger.heredocs == onbuild.heredocs
    assert onbuild.heredocs[0].content == "x\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file has no instruction"),
        ("# a\n\n", 2, "the file has no instruction"),
        ("# escape=x\nFROM a", 1, '"x" cannot be the escape character'),
        ("# escape= \nFROM a", 1, '" " cannot be the escape character'),
        ("# escape=`\n# escape=`\nFROM a", 2, 'the directive "escape" stands here twice'),
        ("FROM a\n\nRUN \\\n [1]", 3, "a JSON array has elements that are no strings"),
        ('FROM a\nCOPY ["a", null]', 2, "a JSON array has elements that are no strings"),
        ("FROM a\nENV a", 2, '"a" has no value'),
        ("FROM a\nENV a=b c", 2, 'the word "c" has no "="'),
        ("FROM a\nONBUILD LABEL a", 2, '"a" has no value'),
        ("FROM a\nRUN cat \\\n <<E\nx", 2, 'the heredoc "E" does not end'),
        (f"FROM a\nRUN {'x' * 65532}", 2, "the line is longer than 65,535 bytes, and BuildKit reads no further"),
    ],
)
def test_what_is_refused(text: str, line: int, message: str) -> None:
    found = problem(text)
    assert (found.line, found.message) == (line, message)
    assert found.hint
    with pytest.raises(DepsfirstError) as raised:
        require_valid(parse(text), "docker/Dockerfile")
    assert raised.value.where == f"docker/Dockerfile:{line}"
    assert raised.value.hint == found.hint


def test_a_line_may_have_65535_bytes() -> None:
    assert not parse(f"FROM a\nRUN {'x' * 65531}").problems
    assert parse(f"FROM a\nRUN {'é' * 32766}").problems


def test_the_problem_stands_with_its_instruction_and_the_rest_is_read() -> None:
    parsed = parse("FROM a\nENV a\nUSER b\n")
    assert [instruction.problem is not None for instruction in parsed.instructions] == [False, True, False]
    assert parsed.problems == (parsed.instructions[1].problem,)


def test_a_valid_file_passes() -> None:
    require_valid(parse("FROM a\n"))


@pytest.mark.parametrize(
    ("keyword", "name"), [("wOrKdIr", "WORKDIR"), ("WOR\u212aDIR", "WORKDIR"), ("WORKD\u0131R", "WORKD\u0131R")]
)
def test_keywords_are_compared_in_gos_small_letters(keyword: str, name: str) -> None:
    assert parse(f"{keyword} /a").instructions[0].name == name
