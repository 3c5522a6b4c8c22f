from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depsfirst.dockerfile.shell import LONGEST, Command, Script, argv_command, read_script

KNOWN = {"A": "one", "TWO": "x y", "EMPTY": "", "HOME": "/root", "GLOB": "*.py"}


def shown(script: Script) -> list[str]:
    """Each command in a line: unknown parts as ``?``, with marks for what may not run and what is piped."""
    return [
        ("" if command.always else "~") + " ".join(_shown(command)) + (" |" if command.piped else "")
        for command in script.commands
    ]


def _shown(command: Command) -> list[str]:
    words = [f"{word.head}?{word.tail}" if word.text is None else word.text for word in command.words]
    return [*(f"{name}={value.text}" for name, value, _ in command.assignments), *words]


WORDS = [
    ("a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"]),
    ("a\\\n b", ["a", "b"]),
    ("a b\\\nc", ["a", "bc"]),
    ("a $A ${A} \"$A\" '$A' \\$A", ["a", "one", "one", "one", "$A", "$A"]),
    ("a $TWO", ["a", "x", "y"]),
    ('a "$TWO"', ["a", "x y"]),
    ("a p$TWO.q", ["a", "px", "y.q"]),
    ("a $EMPTY b", ["a", "b"]),
    ('a "$EMPTY" b', ["a", "", "b"]),
    ("a $NO b", ["a", None, "b"]),
    ("a ${A:-z} ${EMPTY:-z} ${EMPTY-z} ${A:+z} ${EMPTY:+z}", ["a", "one", "z", "z"]),
    ('a ${EMPTY:-"q r"} ${EMPTY:-$A} ${NO:-z}', ["a", None, "one", None]),
    ("a ${A#o} ${A%e} ${A##*n} ${A%%n*} ${#A} ${A/n/m}", ["a", "ne", "on", "e", "o", None, None]),
    ("a $(b) `c` $((1+2))", ["a", None, None, None]),
    ("a ~/x ~ ~bob/x x~", ["a", "/root/x", "/root", None, "x~"]),
    ("a --b=$A -c\"$TWO\"'d'", ["a", "--b=one", "-cx yd"]),
    ("a {b,c} {} {x}", ["a", None, "{}", "{x}"]),
    ("a $ b$", ["a", "$", "b$"]),
    ('a "b\\"c\\$d\\e"', ["a", 'b"c$d\\e']),
    ("a $'b\\n'", ["a", None]),
    ("a é$A ü", ["a", "éone", "ü"]),
    ("a 'x''y'\"z\"", ["a", "xyz"]),
    ('a "x $A y"', ["a", "x one y"]),
    ("a b=c d=$A", ["a", "b=c", "d=one"]),
    ('a "$(b "$A")" c', ["a", None, "c"]),
]


@pytest.mark.parametrize(("text", "values"), WORDS, ids=[row[0] for row in WORDS])
def test_words(text: str, values: list[str | None]) -> None:
    script = read_script(text, KNOWN)
    assert script.whole
    assert list(script.commands[-1].texts) == values
    for word in script.commands[-1].words:
        assert text.startswith(word.source, word.start)


def test_what_is_known_of_a_word() -> None:
    command = read_script('a foo==$V-"$W"x/*.py $V "$V" *.txt "*.txt" "$@"', {}, parameters=None).commands[0]
    mixed, bare, quoted, pattern, no_pattern, parameters = command.words[1:]
    assert (mixed.head, mixed.tail, mixed.text, mixed.splits, mixed.pattern) == ("foo==", "x/*.py", None, True, True)
    assert (bare.splits, quoted.splits, parameters.splits) == (True, False, True)
    assert (pattern.text, pattern.pattern, no_pattern.pattern) == ("*.txt", True, False)


def test_programs_by_what_is_known_of_their_path() -> None:
    programs = [each.program for each in read_script("$H/bin/pip x; $PIP x; /usr/bin/pip; pip; >f; $(w)/").commands]
    assert programs == ["pip", None, "pip", "pip", "", "w", None]


COMMANDS = [
    ("a && b; c\nd", ["a", "b", "c", "d"]),
    ("a || b && c", ["a", "~b", "c"]),
    ("a && b || c", ["a", "~b", "~c"]),
    ("true && a || b; false || c; false && d", ["true", "a", "~b", "false", "c", "false"]),
    ("a & b", ["~a", "b"]),
    ("a | b |& c", ["a |", "b |", "c"]),
    ("! a && b", ["a", "~b"]),
    ("(a; b) && { c; d; }", ["a", "b", "c", "d"]),
    ("a $(b; c) && `d`", ["b |", "c |", "a ?", "d |", "?"]),
    ("a <(b) >(c)", ["b |", "c |", "a ? ?"]),
    ("# a\nb # c", ["b"]),
    ("echo 'a; b' \"c && d\"", ["echo a; b c && d"]),
    ("if a; then b; elif c; then d; else e; fi; f", ["a", "~b", "~c", "~d", "~e", "f"]),
    ('if [ "$A" = one ]; then b; else c; fi', ["[ one = one ]", "b"]),
    ('if [ "$A" != one ]; then b; elif [ -z "$EMPTY" ]; then c; else d; fi', ["[ one != one ]", "[ -z  ]", "c"]),
    ('if [[ "$A" == one ]] && test -n "$TWO"; then b; fi', ["[[ one == one ]]", "test -n x y", "b"]),
    ('if ! [ "$A" = one ]; then b; else c; fi', ["[ one = one ]", "c"]),
    ('if [ "$NO" = x ]; then b; fi', ["[ ? = x ]", "~b"]),
    ("if [ -f x ]; then b; fi", ["[ -f x ]", "~b"]),
    ("[ -f x ] && b; c", ["[ -f x ]", "~b", "c"]),
    ("grep -q x y && b; c && d", ["grep -q x y", "~b", "c", "d"]),
    ("for i in a 'b c' $TWO; do d $i; done", ["d a", "d b c", "d x", "d y"]),
    ("for i in *.py; do d $i; done; e", ["~d ?", "e"]),
    ("for i in $(a); do d $i; done", ["a |", "~d ?"]),
    ("for i in a b; do d && break; done", ["~d", "~break"]),
    ("for i; do d; done", ["~d"]),
    ("while a; do b; done; until c; do d; done", ["a", "~b", "c", "~d"]),
    ("for ((i=0; i<3; i++)); do a; done; b", ["~a", "b"]),
    ("case $A in two) a;; one|three) b;; *) c;; esac", ["b"]),
    ("case $NO in x) a;; *) b;; esac", ["~a", "~b"]),
    ("case $A in o*) a;; esac", ["a"]),
    ("f() { a $1; }; b; f x; f y", ["b", "a x", "a y"]),
    ("function f { a \"$@\"; }; f x 'y z'", ["a x y z"]),
    ("f() { f; }; f", []),
    ("a; exit 0; b", ["a", "exit 0", "~b"]),
    ("a || exit 1; b", ["a", "~exit 1", "b"]),
    ("if a; then exit 0; fi; b", ["a", "~exit 0", "~b"]),
    ("f() { if a; then return; fi; b; }; f; c", ["a", "~return", "~b", "c"]),
    ("(exit 0); b", ["exit 0", "b"]),
    ("time -p a; nohup b; nice -n 5 c; exec d; command e", ["a", "b", "c", "d", "e"]),
    ("env -u X A=b c; sudo -E -u app d; timeout -k 1 30 e", ["A=b c", "d", "e"]),
    ("sh -c 'a $0; b'; bash -euxo pipefail -c \"c $A\"; bash -lc d", ["a ?", "b", "c one", "d"]),
    ("sh -c \"sh -c 'a'\"", ["a"]),
    ("su app -c 'a b'; su - app -c c; gosu app d; runuser -u app -- e", ["a b", "c", "d", "e"]),
    ("a | xargs -n 1 b c", ["a |", "~b c ?"]),
    ("a | xargs -I{} b x{}y", ["a |", "~b x?y"]),
    ("find . -name x -exec a {} \\; -print", ["find . -name x -exec a {} ; -print", "~a ?"]),
    ("uv run --with x a b; poetry run c; conda run -n e d", [
        "uv run --with x a b", "a b", "poetry run c", "c", "conda run -n e d", "d",
    ]),
    ("eval 'a; b'", ["eval a; b", "a", "b"]),
    ("trap 'a' EXIT; b", ["trap a EXIT", "~a", "b"]),
    ('set -- x y; a "$@" $1; shift; b $1', ["set -- x y", "a x y x", "shift", "b y"]),
    ("X=1 Y=$X; a $Y; X=2 b $X", ["X=1", "Y=1", "a 1", "X=2 b 1"]),
    ("export X=1 && a $X; unset X; a $X", ["export X=1", "a 1", "unset X", "a ?"]),
    ("X=$(a); b $X; read A; c $A", ["a |", "X=None", "b ?", "read A", "c ?"]),
    ("X=1; if a; then X=2; fi; b $X", ["X=1", "a", "~X=2", "b ?"]),
    ("X=1; (X=2; a $X); b $X", ["X=1", "X=2", "a 2", "b 1"]),
    ("X=1; while a; do b $X; X=2; done; c $X", ["X=1", "a", "~b ?", "~X=2", "c ?"]),
    ("X=a; X+=b; c $X", ["X=a", "X=b", "c ab"]),
    ("X=1; sh -c 'a $X'; export X; sh -c 'b $X'", ["X=1", "a ?", "export X", "b 1"]),
    ("source x; a $A", ["source x", "a ?"]),
    (". /venv/bin/activate; a $A $VIRTUAL_ENV", [". /venv/bin/activate", "a one /venv"]),
    ("L=(a b); c ${L[@]}", ["L=None", "c ?"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "commands"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_commands(text: str, commands: list[str]) -> None:
    script = read_script(text, KNOWN)
    assert shown(script) == commands
    assert script.whole == (text != "f() { f; }; f")


@pytest.mark.parametrize(
    ("text", "directories"),
    [
        ("a; cd b; a; cd ..; a; cd /x/; a", ["/w", "/w/b", "/w", "/x"]),
        ("cd b && a; (cd c; a); a", ["/w/b", "/w/b/c", "/w/b"]),
        ("cd $NO; a; cd /x; a", [None, "/x"]),
        ("cd; a; cd ~/y; a; cd -; a", ["/root", "/root/y", None]),
        ("pushd b; a; pushd c; a; popd; a; popd; a; popd; a", ["/w/b", "/w/b/c", "/w/b", "/w", None]),
        ("cd b || exit 1; a", ["/w/b"]),
        ("if x; then cd b; fi; a", [None]),
        ("cd b | x; a", ["/w"]),
        ("env -C b a; a", ["/w/b", "/w"]),
        ("sh -c 'cd b; a'; a", ["/w/b", "/w"]),
        ("cd b & a", ["/w"]),
        ("while x; do cd b; a; done; a", [None, None]),
    ],
)
def test_directories(text: str, directories: list[str | None]) -> None:
    script = read_script(text, KNOWN, "/w")
    assert [each.cwd for each in script.commands if each.texts == ("a",)] == directories


def redirects(text: str, index: int = 0) -> list[tuple[str, str | None, int | None, bool]]:
    return [
        (each.operator, each.target.text, each.descriptor, each.shared)
        for each in read_script(text, KNOWN).commands[index].redirects
    ]


def test_redirects() -> None:
    assert redirects("a > f 2>&1 < $A") == [(">", "f", None, False), (">&", "1", 2, False), ("<", "one", None, False)]
    assert redirects("a && b >> f", 1) == [(">>", "f", None, False)]
    assert redirects("a && b >> f") == []
    assert redirects("a | b > f") == []
    assert redirects("a | b > f", 1) == [(">", "f", None, False)]
    assert redirects("{ a; b; } > f", 1) == [(">", "f", None, True)]
    assert redirects("{ a | b; } > f") == []
    assert redirects("for i in 1 2; do a; done > f") == [(">", "f", None, True)]
    assert redirects("x=$(a) > f") == []
    assert redirects("> f") == [(">", "f", None, False)]
    assert redirects("a &> $NO") == [("&>", None, None, False)]
    assert redirects("sh -c 'a' > f") == [(">", "f", None, True)]


def test_heredocs() -> None:
    assert redirects("cat <<EOF > f\n$A \\$A $(x)\nEOF\n", 1) == [("<<", None, None, False), (">", "f", None, False)]
    assert redirects("cat <<EOF\n$A \\$A\nEOF\n") == [("<<", "one $A\n", None, False)]
    assert redirects("cat <<'EOF'\n$A\nEOF\n") == [("<<", "$A\n", None, False)]
    assert redirects("cat <<-EOF\n\t\ta\n\tb\n\tEOF\n")[0][1] == "a\nb\n"
    assert redirects("cat <<< $A") == [("<<<", "one", None, False)]
    assert shown(read_script("cat <<EOF > x && y || z\na\nEOF\nb")) == ["cat", "~y", "~z", "b"]
    assert shown(read_script("cat <<EOF | b\na\nEOF\n")) == ["cat |", "b"]
    assert shown(read_script("sh <<EOF\na $A\nEOF\n", KNOWN)) == ["sh", "a one"]
    assert shown(read_script("sh x <<EOF\na\nEOF\n")) == ["sh x"]
    assert shown(read_script("false && cat <<EOF && x\na\nEOF\n")) == ["false", "~x"]


def test_users_and_variables() -> None:
    text = "a; sudo b; sudo -u app c; su-exec bob d; export X=1; Y=2 e; sudo -u $NO f"
    commands = [each for each in read_script(text).commands if each.program != "export"]
    assert [each.user for each in commands] == ["", "root", "app", "bob", "", None]
    assert commands[-2].variables == {"X": "1", "Y": "2"}


def test_places() -> None:
    text = "é && pip  install x > y; sh -c 'pip install z'"
    _, first, second = read_script(text).commands
    assert text[first.start : first.end] == "pip  install x > y"
    assert (first.words[2].start, first.nested) == (text.index("x"), False)
    assert text[second.start : second.end] == "sh -c 'pip install z'"
    assert (second.nested, second.words[0].start) == (True, second.start)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a; (b", "cannot be read"),
        ("a 'b", "cannot be read"),
        ("if a; then b", "cannot be read"),
        ("cat <<EOF\n`x`\nEOF\n", "backticks in a heredoc"),
        ("sh -c $NO", 'the script of "sh" is not known'),
        ("sh $NO -c a", 'an option of "sh" is not known'),
        ("eval $NO", 'the text of "eval" is not known'),
        ("sudo $NO a", 'an argument of "sudo" is not known'),
        ("env -S 'a b'", "divides its argument itself"),
        ("x" * (LONGEST + 1), "longer than"),
        ("((x=1))", "is not understood"),
        ("( " * 200 + "a" + " )" * 200, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, reason: str) -> None:
    script = read_script(text)
    assert not script.whole
    assert reason in (script.reason or "")


def test_argument_lists() -> None:
    assert shown(argv_command(["pip", "install", "$A", "&&"], KNOWN)) == ["pip install $A &&"]
    assert shown(argv_command(["sh", "-c", "a $A && b"], KNOWN)) == ["a one", "b"]
    assert argv_command([]).commands == ()


def test_long_texts_are_quick_to_read() -> None:
    assert len(read_script("a && " * 4000 + "a").commands) == 4001
    doubling = read_script("A=xx; for i in " + "x " * 60 + "; do A=$A$A; done; b $A")
    assert doubling.commands[-1].texts == ("b", None)
    assert not read_script(
        "for i in " + "x " * 60 + "; do " + "for j in " + "y " * 60 + "; do sh -c 'a; b'; done; done"
    ).whole


FRAGMENTS = st.one_of(
    st.sampled_from("(){}'\"$`|&;<>\n =\\#!*[]~-é\t"),
    st.sampled_from(
        ["if ", "then ", "fi ", "for x in ", "do ", "done ", "case ", "in ", "esac ", "$(", "${A:-", "<<EOF\n"]
    ),
    st.sampled_from(
        ["EOF\n", "sh -c ", "cd ", "exit ", "a", "B=", "sudo ", "eval ", "|| ", "&& ", "f() ", "f ", "while "]
    ),
    st.sampled_from(
        ["2>", "xargs ", "find . -exec ", "export ", "uv run ", "trap ", "set -- ", "shift ", "[ ", " ]", "time "]
    ),
)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(FRAGMENTS).map("".join)))
def test_any_text_is_read(text: str) -> None:
    script = read_script(text, KNOWN, "/w")
    assert script.whole == (script.reason is None)
    for command in script.commands:
        assert 0 <= command.start <= command.end <= len(text)
        for word in command.words:
            if word.text is not None:
                assert (word.head, word.tail) == (word.text, word.text)


PLAIN = st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=200)
@given(st.lists(PLAIN, min_size=1))
def test_quoted_words_mean_themselves(values: list[str]) -> None:
    import shlex

    quoted = ["x", *values]
    text = " ".join(shlex.quote(value) for value in quoted)
    (command,) = read_script(text).commands
    assert list(command.texts) == quoted
    assert [each.text for each in argv_command(quoted).commands[0].words] == quoted
