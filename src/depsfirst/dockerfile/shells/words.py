"""What a word of a shell becomes: quotes, escapes and variables, as far as they are known without running it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.shell import Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Variables = Mapping[str, str | None]


class Hole(NamedTuple):
    """A part of a word that is replaced; with ``many`` it can become several words even in quotes."""

    start: int
    end: int
    value: str | None
    many: bool = False


class _Part(NamedTuple):
    """A stretch of a word: its value, and whether it was written outside of quotes, or put there by a variable."""

    value: str | None
    bare: bool = False
    splits: bool = False


_MOST_STARS = 1
_LONGEST_TRIMMED = 300
_PLAIN = re.compile(r"[^\\'\"$`*?\[{~()]*\Z")
_GLOB = re.compile(r"[*?]|\[[^\]]+\]")
_BRACES = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_BARE = re.compile(r"[^\\'\"$]+")
_QUOTED = re.compile(r'[^\\"]+')
_EXPANSION = re.compile(r"\$\{([A-Za-z_]\w*|[0-9])(?:(:?[-+=?])(.*)|(##?|%%?)(.*))?\}\Z", re.DOTALL | re.ASCII)
_NAME = re.compile(r"\$\{?([A-Za-z_]\w*|[0-9#@*?!$-])\}?\Z", re.ASCII)


def is_plain(source: str) -> bool:
    """Whether a word means what it says."""
    return _PLAIN.match(source) is not None


def read_word(source: str, start: int, holes: Sequence[Hole], home: str | None = None) -> list[Word]:
    """The words that one becomes: one, none if its variables are empty, several if spaces in them divide it.

    Args:
        source: the word as it is written.
        start: where it stands; the places of the holes count from the same point.
        holes: what is expanded in it, in order.
        home: what ``~`` means, if that is known.
    """
    parts = list(_parts(source, start, holes))
    if source.startswith("~"):
        parts = _with_home(parts, home)
    return [_joined(field, source, start) for field in _fields(parts)]


def quoted_word(source: str, start: int, holes: Sequence[Hole], *, home: str | None = None) -> Word:
    """A word that is never divided, as the value of an assignment or the target of a redirect."""
    parts = [part._replace(splits=False) for part in _parts(source, start, holes)]
    if source.startswith("~"):
        parts = _with_home(parts, home)
    return _joined(parts, source, start)


def document(source: str, start: int, holes: Sequence[Hole]) -> str | None:
    """The text of a heredoc whose variables are expanded."""
    values: list[str | None] = []
    position = start
    for hole in holes:
        values += [_unescaped(source[position - start : hole.start - start], "$`\\\n"), hole.value]
        position = hole.end
    values.append(_unescaped(source[position - start :], "$`\\\n"))
    known = [value for value in values if value is not None]
    return "".join(known) if len(known) == len(values) else None


def hole_value(source: str, variables: Variables) -> str | None:
    """What ``$NAME`` or ``${NAME…}`` becomes; None if it is not known."""
    if found := _NAME.match(source):
        return variables.get(found[1])
    found = _EXPANSION.match(source)
    if not found:
        return None
    value = variables.get(found[1])
    if value is None:
        return None
    _, operator, word, trims, pattern = found.groups()
    return _alternative(value, operator, word, variables) if operator else _trimmed(value, trims, pattern)


def _alternative(value: str, operator: str, word: str, variables: Variables) -> str | None:
    """``${x:-y}`` and its like, for a variable that is set."""
    has_value = bool(value) or not operator.startswith(":")
    takes_word = has_value if operator.endswith("+") else not has_value
    if takes_word:
        return None if operator.endswith("?") else _simple(word, variables)
    return "" if operator.endswith("+") else value


def _simple(word: str, variables: Variables) -> str | None:
    """The value of a word inside an expansion, if it is text, quoted text or one variable."""
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" and word[0] not in word[1:-1]:
        single, word = word[0] == "'", word[1:-1]
        if single or " " in word:  # the quotes keep it one word, which the expansion alone does not
            return None if " " in word else word
    if not re.search(r"[\\'\"$`]", word):
        return word
    return hole_value(word, variables) if re.fullmatch(r"\$\w+|\$\{[^${}]*\}", word) else None


def _trimmed(value: str, operator: str, pattern: str) -> str | None:
    """``${x#p}`` and its like; patterns with quotes, variables and sets are not followed."""
    if re.search(r"[\\'\"$`\[]", pattern) or pattern.count("*") > _MOST_STARS or len(value) > _LONGEST_TRIMMED:
        return None
    matches = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL).fullmatch
    cuts = range(len(value) + 1)
    if operator[0] == "#":
        return next(
            (value[cut:] for cut in (cuts[::-1] if operator == "##" else cuts) if matches(value, 0, cut)), value
        )
    return next((value[:cut] for cut in (cuts if operator == "%%" else cuts[::-1]) if matches(value, cut)), value)


def _parts(source: str, start: int, holes: Sequence[Hole]) -> Iterable[_Part]:
    position, quoted = 0, False
    for hole in (*holes, Hole(start + len(source), 0, "")):
        end = hole.start - start
        if position < end:
            found, quoted = _literals(source[position:end], quoted=quoted)
            yield from found
        if hole.end:
            yield _Part(hole.value, splits=not quoted or hole.many)
            position = hole.end - start


def _literals(text: str, *, quoted: bool) -> tuple[list[_Part], bool]:
    """The parts of a text without expansions; whether a double quote is open at its end."""
    parts: list[_Part] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == '"':
            quoted = not quoted
            parts.append(_Part(""))
            position += 1
        elif character == "\\":
            parts.append(_Part(_escaped(text[position : position + 2], quoted=quoted)))
            position += 2
        elif quoted:
            end = _end(_QUOTED, text, position)
            parts.append(_Part(text[position:end]))
            position = end
        else:
            part, position = _unquoted(text, position)
            parts.append(part)
    return parts, quoted


def _unquoted(text: str, position: int) -> tuple[_Part, int]:
    """The part that begins outside of double quotes, and where it ends."""
    if text[position] == "'":
        end = text.find("'", position + 1)
        end = len(text) if end < 0 else end
        return _Part(text[position + 1 : end]), end + 1
    if text[position] == "$":  # before a quote it is bash's, else it means itself
        special = text[position + 1 : position + 2] in ("'", '"')
        return _Part(None if special else "$"), position + 1
    end = _end(_BARE, text, position)
    return _Part(text[position:end], bare=True), end


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position + 1


def _escaped(pair: str, *, quoted: bool) -> str:
    if pair == "\\\n":
        return ""
    return pair if quoted and pair[1:] not in ("$", "`", '"', "\\") else pair[1:]


def _unescaped(text: str, characters: str) -> str:
    pattern = re.compile(r"\\([" + re.escape(characters) + "])")
    return pattern.sub(lambda found: "" if found[1] == "\n" else found[1], text)


def _with_home(parts: list[_Part], home: str | None) -> list[_Part]:
    first = parts[0].value or ""
    user, _, rest = first[1:].partition("/")
    if user or (home is None and not rest and len(parts) > 1):
        return [_Part(None), *parts]
    return [_Part(home), _Part(first[1:], bare=True), *parts[1:]]


def _fields(parts: Iterable[_Part]) -> list[list[_Part]]:
    """The parts of each word; a known value outside of quotes is divided at its spaces."""
    fields: list[list[_Part]] = []
    opened = False
    for part in parts:
        if not (part.splits and part.value is not None):
            if not opened:
                fields.append([])
            fields[-1].append(part)
            opened = True
            continue
        pieces = part.value.split()
        if pieces and opened and not part.value[0].isspace():
            fields[-1].append(_Part(pieces.pop(0), bare=True))
        elif part.value[:1].isspace():
            opened = False
        if pieces:
            fields += [[_Part(piece, bare=True)] for piece in pieces]
            opened = True
        if part.value[-1:].isspace():
            opened = False
    return fields


def _joined(parts: Sequence[_Part], source: str, start: int) -> Word:
    """One word of its parts. Braces are bash's to expand and other shells' to keep, so they are not known."""
    values = [None if part.bare and part.value and _BRACES.search(part.value) else part.value for part in parts]
    unknown = [index for index, value in enumerate(values) if value is None]
    head = "".join(value or "" for value in values[: unknown[0] if unknown else None])
    tail = "".join(value or "" for value in values[unknown[-1] + 1 :]) if unknown else head
    bare = "".join(part.value or "" if part.bare else "x" for part in parts)
    splits = any(values[index] is None and (parts[index].splits or parts[index].value) for index in unknown)
    return Word(None if unknown else head, source, start, head, tail, bool(splits), bool(_GLOB.search(bare)))
