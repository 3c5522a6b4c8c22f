r"""Go's regular expressions as Python's: what moby's ignore patterns turn into, nothing else is ever written in it.

A pattern of an ignore file becomes the text of a Go expression, and whatever its characters mean there is what
moby does: a class ``[*]`` falls apart, ``\d`` is a digit. Go's ``regexp/syntax`` decides all of that here.
"""

from __future__ import annotations

import re

from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.gopath import REPLACEMENT, BadPatternError, class_expression

_Ranges = list[tuple[int, int]]

_DIGIT: _Ranges = [(0x30, 0x39)]
_UPPER: _Ranges = [(0x41, 0x5A)]
_LOWER: _Ranges = [(0x61, 0x7A)]
_WORD: _Ranges = [*_DIGIT, *_UPPER, (0x5F, 0x5F), *_LOWER]
_PERL: dict[str, _Ranges] = {"d": _DIGIT, "s": [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)], "w": _WORD}
_POSIX: dict[str, _Ranges] = {
    "alnum": [*_DIGIT, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0x00, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0x00, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGIT,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGIT, (0x41, 0x46), (0x61, 0x66)],
}
_LETTERS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ANCHORS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"(?!\b)"}
_HIGHEST = 0x10FFFF
_MOST_REPEATS = 1000
_DEEPEST = 1000
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}", re.ASCII)
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_HEXADECIMAL = re.compile(r"x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))")


def translate(text: str) -> str:
    """An expression whose ``search`` in ASCII mode finds something exactly where Go's ``MatchString`` does.

    Raises:
        BadPatternError: Go refuses the expression, or it asks for a Unicode class by name.
    """
    return _Translation(text).run()


@dataclass(slots=True)
class _Group:
    """An open parenthesis, or the whole: alternatives, each a list of pieces."""

    pieces: list[str] = field(default_factory=list)
    done: str = ""
    weight: int = 1  # how often its most repeated piece is repeated, for Go's limit

    def alternate(self) -> None:
        self.done += "".join(self.pieces) + "|"
        self.pieces = []

    def close(self) -> str:
        return self.done + "".join(self.pieces)


class _Translation:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open = [_Group()]
        self._weight = 1  # of the last piece
        self._repeated = False  # whether the last piece already has its quantifier

    def run(self) -> str:
        while self._at < len(self._text):
            if not self._quantified():
                self._piece()
        if len(self._open) > 1:
            raise BadPatternError('a "(" is not closed')
        return self._open[0].close()

    def _piece(self) -> None:
        character = self._text[self._at]
        self._at += 1
        if character == "(":
            self._enter()
        elif character == "|":
            self._open[-1].alternate()
            self._repeated = False
        elif character == ")":
            self._leave()
        elif character == "[":
            self._add(self._class())
        elif character == "\\":
            self._escape()
        else:
            self._add({".": r"[^\n]", "^": r"\A", "$": r"\Z"}.get(character) or _literal(character))

    def _add(self, piece: str, weight: int = 1) -> None:
        self._open[-1].pieces.append(piece)
        self._weight = weight
        self._repeated = False

    def _enter(self) -> None:
        if self._text.startswith("?", self._at):
            raise BadPatternError('"(?" is not understood')
        if len(self._open) >= _DEEPEST:
            raise BadPatternError("its expression nests too deeply")
        self._open.append(_Group())
        self._repeated = False

    def _leave(self) -> None:
        if len(self._open) == 1:
            raise BadPatternError('a ")" closes nothing')
        group = self._open.pop()
        self._add(f"(?:{group.close()})", group.weight)
        self._open[-1].weight = max(self._open[-1].weight, group.weight)

    def _quantified(self) -> bool:
        """Put a quantifier that stands here on the last piece."""
        found = _REPEAT.match(self._text, self._at)
        quantifier = found[0] if found else self._text[self._at]
        if not found and quantifier not in "*+?":
            return False
        group = self._open[-1]
        if not group.pieces:
            raise BadPatternError(f'"{quantifier}" repeats nothing')
        if self._repeated:
            raise BadPatternError(f'"{quantifier}" repeats a repetition')
        if found:
            self._limit(int(found[1]), int(found[3]) if found[3] else None, bounded=bool(found[2]))
        self._at += len(quantifier)
        self._lazy()
        group.pieces[-1] = f"(?:{group.pieces[-1]}){quantifier}"
        group.weight = max(group.weight, self._weight)
        self._repeated = True
        return True

    def _lazy(self) -> None:
        # Whether a repetition is greedy decides what matches, and here only whether something does is asked.
        self._at += self._text.startswith("?", self._at)

    def _limit(self, low: int, high: int | None, *, bounded: bool) -> None:
        highest = low if high is None else high
        if max(low, highest) > _MOST_REPEATS or (bounded and high is not None and low > high):
            raise BadPatternError("a repetition count is out of range")
        if highest > 1 or low > 1:
            self._weight *= max(highest, 1)
        if self._weight > _MOST_REPEATS:
            raise BadPatternError("its repetitions multiply to too many")

    def _escape(self) -> None:
        """What a backslash outside a class says."""
        following = self._text[self._at : self._at + 1]
        if following in _ANCHORS:
            self._at += 1
            self._add(_ANCHORS[following])
        elif following == "Q":
            quoted, mark, _ = self._text[self._at + 1 :].partition(r"\E")
            self._at += 1 + len(quoted) + len(mark)
            self._repeated = False
            for character in quoted:
                self._add(_literal(character))
        else:
            ranges = self._perl_class()
            if ranges is None:
                code = self._escaped_character()
                ranges = [(code, code)]
            self._add(class_expression(ranges, negated=False))

    def _perl_class(self) -> _Ranges | None:
        letter = self._text[self._at : self._at + 1]
        if letter in {"p", "P"}:
            raise BadPatternError(f'the Unicode class "\\{letter}" is not understood')
        if letter.lower() not in _PERL:
            return None
        self._at += 1
        ranges = _PERL[letter.lower()]
        return ranges if letter.islower() else _others(ranges)

    def _escaped_character(self) -> int:
        """The code point that an escape stands for; the backslash is behind us."""
        for form, base in ((_OCTAL, 8), (_HEXADECIMAL, 16)):
            found = form.match(self._text, self._at)
            if found:
                self._at = found.end()
                code = int(next((part for part in found.groups() if part), found[0]), base)
                if code <= _HIGHEST:
                    return code
                break
        else:
            character = self._text[self._at : self._at + 1]
            self._at += 1
            if character in _LETTERS:
                return ord(_LETTERS[character])
            if character and character.isascii() and not character.isalnum():
                return ord(character)
        raise BadPatternError("a backslash escapes what has no escape")

    def _class(self) -> str:
        negated = self._text.startswith("^", self._at)
        self._at += negated
        ranges: _Ranges = []
        first = True
        while first or not self._text.startswith("]", self._at):
            if self._at >= len(self._text):
                raise BadPatternError('a "[" is not closed')
            first = False
            ranges += self._class_item()
        self._at += 1
        return class_expression(ranges, negated=negated)

    def _class_item(self) -> _Ranges:
        named = self._posix_class()
        if named is None and self._text.startswith("\\", self._at):
            self._at += 1
            named = self._perl_class()
            self._at -= named is None
        if named is not None:
            return named
        low = high = self._class_character()
        if self._text.startswith("-", self._at) and self._text[self._at + 1 : self._at + 2] not in {"", "]"}:
            self._at += 1
            high = self._class_character()
        if high < low:
            raise BadPatternError("a range of a class runs backwards")
        return [(low, high)]

    def _posix_class(self) -> _Ranges | None:
        end = self._text.find(":]", self._at + 2)
        if not self._text.startswith("[:", self._at) or end < 0:
            return None
        name = self._text[self._at + 2 : end]
        ranges = _POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise BadPatternError(f'there is no class "[:{name}:]"')
        self._at = end + 2
        return _others(ranges) if name.startswith("^") else ranges

    def _class_character(self) -> int:
        if self._at >= len(self._text):
            raise BadPatternError('a "[" is not closed')
        self._at += 1
        if self._text[self._at - 1] == "\\":
            return self._escaped_character()
        return ord(self._text[self._at - 1])


def _literal(character: str) -> str:
    if ord(character) == REPLACEMENT:
        return class_expression([(REPLACEMENT, REPLACEMENT)], negated=False)
    return re.escape(character)


def _others(ranges: _Ranges) -> _Ranges:
    """All code points outside of sorted ranges."""
    gaps, start = [], 0
    for low, high in ranges:
        gaps.append((start, low - 1))
        start = high + 1
    return [gap for gap in [*gaps, (start, _HIGHEST)] if gap[0] <= gap[1]]
