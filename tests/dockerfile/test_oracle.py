"""Our parser against BuildKit's own, on texts made for it; ``scripts/compare_parsers.py`` does so on histories."""

from __future__ import annotations

import pytest

pytest.importorskip(
    "dockerfile", reason='the package "dockerfile", BuildKit\'s parser, is made for Linux on x86-64 only'
)

from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from scripts.compare_parsers import change, differences, ours, theirs

NAMES = """FROM RUN CMD LABEL MAINTAINER EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD STOPSIGNAL
    HEALTHCHECK SHELL run Copy onbuild env foo"""
SCRAPS = """a b=c --d --e=f --mount=type=cache,target=/x --a='b -- "e f" 'g h' i\\ j "k\\"l" m='n o' [ ] ["p"]
    ["q", "r"] [1] ["s",null] \\ \\\\ ` `` $x ${y} ${z:-a} ${
    <<E <<-E <<'F' 2<<"G" <<<E <<E<<F CMD NONE as # é à = =x "" ''"""
KEYWORDS = st.sampled_from(NAMES.split())
WORDS = st.sampled_from([*SCRAPS.split(), "à\u00a0b", "\ufeff", "\u2003", "\x1c", "\u2028", "\x85"])
BLANKS = st.sampled_from(
    [" ", "  ", "\t", " \\\n", " \\ \t\n  ", "\\\n", " \\\n# c\n", " \\\n\n", "`\n", "\x0b", "\xa0"]
)
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n", "\\\n", "\n# c\n", ""])
BODIES = st.sampled_from(["E\n", "x\nE\n", "\tE\n", "F\r\n", "G\n", "E\nF\n", " E\n", "E\nE\n", "a \\\n# b\nE\n"])
HEADS = st.sampled_from(
    [
        "",
        "",
        "\ufeff",
        "# syntax=x\n",
        "# escape=`\n",
        "#escape=\\\n",
        "# a\n# escape=`\n",
        "#!x\n",
        "# escape=\n",
        "\n",
    ]
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    parts = [draw(KEYWORDS)]
    for _ in range(draw(st.integers(0, 5))):
        parts += [draw(BLANKS), draw(WORDS)]
    indent = draw(st.sampled_from(["", "", " ", "\t "]))
    body = draw(BODIES) if "<<" in "".join(parts) else ""
    return indent + "".join(parts) + draw(ENDS) + body


TEXTS = st.builds(lambda head, body: head + "".join(body), HEADS, st.lists(statements(), min_size=1, max_size=4))


def assert_same(text: str) -> None:
    try:
        mine, other = ours(text), theirs(text)
    except UnicodeDecodeError:
        reject()
    if mine != other and not change(text):
        pytest.fail(f"{text!r}\n" + "\n".join(differences(mine, other)))


@settings(max_examples=1000)
@given(TEXTS)
@example("FROM a\nRUN cat <<'E F'\nx\nE F\n")
@example("\\\n\\\nFROM a\\\n")
def test_both_parsers_read_the_same(text: str) -> None:
    assert_same(text)


@settings(max_examples=500)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_they_read_any_text_the_same(text: str) -> None:
    assert_same(text)
