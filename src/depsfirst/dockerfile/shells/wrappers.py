"""Programs that run another one, which is the one that counts: ``env``, ``sudo``, ``exec``, ``xargs``, ``sh -c``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.shell import Assignment, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)


class Inner(NamedTuple):
    """What a program runs.

    Attributes:
        words: the command; None where it is a script or not known.
        script: the text of a script, for a shell.
        assignments: variables that it gets.
        user: whom it runs as; empty for no other, None if that is not known.
        certain: it is run, once.
        cwd: the directory it runs in, if another one; None if that is not known.
        keeps: the program itself does something as well, so it stays a command.
        reason: why nothing can be told.
    """

    words: tuple[Word, ...] | None = None
    script: Word | None = None
    assignments: tuple[Assignment, ...] = ()
    user: str | None = ""
    certain: bool = True
    cwd: str | None = ""
    keeps: bool = False
    reason: str | None = None


class _Options(NamedTuple):
    """Options of a wrapper: those of one letter or word that take a value, and how many operands it has itself."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    user: frozenset[str] = frozenset()
    directory: frozenset[str] = frozenset()
    keeps: bool = False


def unwrap(program: str, words: tuple[Word, ...]) -> Inner | None:
    """What a command runs, if its program is one that runs another; None if it is not.

    Args:
        program: its name without a directory.
        words: the whole command.
    """
    if program in SHELLS:
        return _shell(words)
    special = _SPECIAL.get(program)
    if special:
        return special(words)
    options = _PLAIN.get(program)
    if options:
        return _plain(words, options)
    return _runner(program, words) if program in _RUNNERS else None


def _shell(words: tuple[Word, ...]) -> Inner | None:
    """The script of ``sh -c``; None for one that reads a file or its input."""
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word.text is None:
            options = word.head.startswith("-") or any((each.text or "").startswith("-") for each in rest)
            return Inner(reason=f'an option of "{words[0].source}" is not known') if options else None
        if re.fullmatch(r"[-+][A-Za-z]*o", word.text) or word.text in ("--rcfile", "--init-file", "-O"):
            rest = rest[1:]
        elif re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", word.text):
            return _shell_script(rest)
        elif not word.text.startswith(("-", "+")) or word.text == "--":
            return None
    return None


def _shell_script(rest: list[Word]) -> Inner | None:
    while rest and (rest[0].text or "").startswith(("-", "+")) and rest[0].text != "-":
        takes = (rest[0].text or "").endswith("o")
        rest = rest[2 if takes else 1 :]
    return Inner(script=rest[0]) if rest else None


def _assignments(words: tuple[Word, ...]) -> tuple[tuple[Assignment, ...], tuple[Word, ...]]:
    """``A=b`` words at the front, and the rest."""
    found: list[Assignment] = []
    for index, word in enumerate(words):
        match = _ASSIGNMENT.match(word.head)
        if not match:
            return tuple(found), words[index:]
        value = None if word.text is None else word.text[match.end() :]
        tail = word.tail if value is None else value
        found.append(Assignment(match[1], Word(value, word.source, word.start, word.head[match.end() :], tail)))
    return tuple(found), ()


def _plain(words: tuple[Word, ...], options: _Options) -> Inner | None:
    """A wrapper with options, operands of its own and then the command."""
    user: str | None = ""
    cwd: str | None = ""
    rest = words[1:]
    while rest:
        text = rest[0].text
        if text is None:
            if rest[0].head.startswith("-") or rest[0].splits:
                return Inner(reason=f'an argument of "{words[0].source}" is not known')
            break
        if text == "--":
            rest = rest[1:]
            break
        if not text.startswith("-") or text == "-":
            break
        name, equals, value = text.partition("=")
        takes = not equals and name in options.valued
        given = value if equals else (rest[1].text if takes and len(rest) > 1 else None)
        user = given if name in options.user else user
        cwd = given if name in options.directory else cwd
        rest = rest[2 if takes else 1 :]
    assignments, rest = _assignments(rest)
    rest = rest[options.operands :]
    return Inner(rest, assignments=assignments, user=user, cwd=cwd, keeps=options.keeps) if rest else None


def _options(
    valued: str = "", operands: int = 0, user: str = "", directory: str = "", *, keeps: bool = False
) -> _Options:
    names = [frozenset(each.split()) for each in (valued, user, directory)]
    return _Options(names[0] | names[1] | names[2], operands, names[1], names[2], keeps)


_PLAIN: Mapping[str, _Options] = {
    "builtin": _options(),
    "chronic": _options(),
    "chrt": _options(operands=1),
    "command": _options(),
    "doas": _options("-C", user="-u"),
    "dumb-init": _options("-r --rewrite"),
    "eatmydata": _options(),
    "env": _options("-u --unset -S --split-string", directory="-C --chdir"),
    "exec": _options("-a"),
    "fakeroot": _options("-l -s -i -b"),
    "gosu": _options(operands=1),
    "ionice": _options("-c -n -p --class --classdata"),
    "nice": _options("-n --adjustment"),
    "nohup": _options(),
    "setarch": _options(operands=1),
    "setsid": _options(),
    "stdbuf": _options("-i -o -e"),
    "su-exec": _options(operands=1),
    "sudo": _options("-g --group -h --host -p --prompt -C -r -t -T", user="-u --user", directory="-D --chdir"),
    "time": _options("-f -o --format --output"),
    "timeout": _options("-k --kill-after -s --signal", operands=1),
    "tini": _options("-p -e"),
    "unbuffer": _options(),
    "uvx": _options(
        "--from --with --python -p --index --index-url --default-index --with-editable --with-requirements", keeps=True
    ),
    "xvfb-run": _options(
        "-n -e -f -p -s -w --server-args --server-num --error-file --auth-file --xauth-protocol --wait"
    ),
}


def _env(words: tuple[Word, ...]) -> Inner | None:
    if any((word.text or "").startswith(("-S", "--split-string")) for word in words[1:]):
        return Inner(reason='"env -S" divides its argument itself')
    return _plain(words, _PLAIN["env"])


def _as_user(words: tuple[Word, ...]) -> Inner | None:
    """``gosu USER command`` and ``su-exec USER command``."""
    inner = _plain(words, _PLAIN["gosu"])
    return inner and inner._replace(user=words[1].text)


def _su(words: tuple[Word, ...]) -> Inner | None:
    """``su [-] USER -c SCRIPT`` and ``runuser -u USER -- command``."""
    user: str | None = "root"
    for index, word in enumerate(words[1:], 1):
        text = word.text
        after = words[index + 1] if index + 1 < len(words) else None
        if text in ("-u", "--user") and after:
            inner = _plain(words[index + 1 :], _options())
            return inner and inner._replace(user=after.text)
        if text in ("-c", "--command") and after:
            behind = [each.text for each in words[index + 2 :] if not (each.head or "-").startswith("-")]
            return Inner(script=after, user=behind[0] if behind else user)
        if text is None or not text.startswith("-"):
            user = text
    return None


def _sudo(words: tuple[Word, ...]) -> Inner | None:
    inner = _plain(words, _PLAIN["sudo"])
    return inner and inner._replace(user="root" if inner.user == "" else inner.user)


def _xargs(words: tuple[Word, ...]) -> Inner | None:
    valued = "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --max-lines --replace"
    inner = _plain(words, _options(valued))
    if not inner or not inner.words:
        return inner
    replaced = any((word.text or "").startswith("-I") for word in words[1 : len(words) - len(inner.words)])
    more = () if replaced else (Word(None, "", words[-1].start, splits=True),)
    known = tuple(_hidden(word) if replaced else word for word in inner.words)
    return inner._replace(words=(*known, *more), certain=False)


def _hidden(word: Word) -> Word:
    """A word in which ``{}`` is replaced."""
    if word.text is None or "{}" not in word.text:
        return word
    head, _, rest = word.text.partition("{}")
    return word._replace(text=None, head=head, tail=rest.rpartition("{}")[2])


def _find(words: tuple[Word, ...]) -> Inner | None:
    """``find … -exec command {} ;``."""
    for index, word in enumerate(words):
        if word.text in ("-exec", "-execdir", "-ok"):
            rest = words[index + 1 :]
            ends = [at for at, each in enumerate(rest) if each.text in (";", "+")]
            inner = tuple(_hidden(each) for each in rest[: ends[0] if ends else len(rest)])
            return Inner(inner, certain=False, keeps=True, cwd="" if word.text == "-exec" else None) if inner else None
    return None


_SPECIAL: Mapping[str, Callable[[tuple[Word, ...]], Inner | None]] = {
    "env": _env,
    "find": _find,
    "gosu": _as_user,
    "runuser": _su,
    "su": _su,
    "su-exec": _as_user,
    "sudo": _sudo,
    "xargs": _xargs,
}

_CONDA_RUN = _options("-n --name -p --prefix -a --attach", directory="--cwd")
_RUNNERS: Mapping[str, _Options] = {
    "conda": _CONDA_RUN,
    "hatch": _options(),
    "mamba": _CONDA_RUN,
    "micromamba": _CONDA_RUN,
    "pdm": _options("-p --project"),
    "pipenv": _options(),
    "pixi": _options("-e --environment --manifest-path -x"),
    "poetry": _options("-P --project", directory="-C --directory"),
    "uv": _options(
        "--extra --group --only-group --no-group --no-extra --env-file --with --with-editable --with-requirements"
        " --package -p --python --cache-dir --config-file --index --default-index -i --index-url --extra-index-url"
        " -f --find-links --link-mode --project -P --upgrade-package --refresh-package --no-install-package"
        " -C --config-setting --color --python-platform --prerelease --resolution --exclude-newer --no-binary-package"
        " --no-build-package --reinstall-package --keyring-provider --index-strategy",
        directory="--directory",
    ),
}


def _runner(program: str, words: tuple[Word, ...]) -> Inner | None:
    """``uv run command`` and its like; the manager stays a command, as it may install before it runs."""
    options = _RUNNERS[program]
    for index, word in enumerate(words[1:], 1):
        if word.text == "run":
            cwd = _directory(words[1:index], options)
            inner = _plain(words[index:], options)
            if not inner or inner.reason:
                return inner and inner._replace(keeps=True)
            return inner._replace(keeps=True, cwd=inner.cwd if inner.cwd != "" else cwd)
        if word.text is None or not (word.text.startswith("-") or words[index - 1].text in options.valued):
            return None
    return None


def _directory(words: tuple[Word, ...], options: _Options) -> str | None:
    """The directory that the options before the verb name; empty for none."""
    for index, word in enumerate(words):
        name, equals, value = (word.text or "").partition("=")
        if name in options.directory:
            following = words[index + 1].text if index + 1 < len(words) else None
            return value if equals else following
    return ""
