"""Poetry's version constraints (caret, tilde, alternatives) in the words of PEP 440 and PEP 508."""

from __future__ import annotations

import re

_TERM = (
    r"(?P<operator>\^|~=|~|===|==|!=|<>|<=|>=|<|>|=)?\s*"
    r"v?(?P<version>[0-9][0-9A-Za-z.+!*_-]*|[*xX](?:\.[*xX])*)(?=[\s,]|$)"
)
_NUMBERS = r"\d+(?:\.\d+)*"
_ALIASES = {"": "==", "=": "==", "<>": "!="}
_PYTHONS = [(2, 7), *((3, minor) for minor in range(41)), (4, 0)]
_LAST_PATCH = 30


def alternatives(constraint: str) -> tuple[str, ...]:
    """Version specifiers of which one must hold; an empty one allows any version.

    Raises:
        ValueError: the text is no constraint.
    """
    return tuple(_conjunction(part.strip()) for part in re.split(r"\|\|?", constraint))


def _conjunction(text: str) -> str:
    if text in {"", "*"}:
        return ""
    found = []
    position = 0
    for term in re.finditer(_TERM, text):
        if text[position : term.start()].strip(" ,"):
            break
        found += _terms(term["operator"] or "", term["version"])
        position = term.end()
    if position == 0 or text[position:].strip(" ,"):
        raise ValueError(f'"{text}" is no version constraint')
    return ",".join(found)


def _terms(operator: str, version: str) -> list[str]:
    version = re.sub(r"[xX](?=\.|$)", "*", version)
    if version.startswith("*"):
        return []
    if "*" in version:
        return _wildcard(operator, version)
    if operator == "^":
        return [f">={version}", f"<{_caret(version)}"]
    if operator == "~":
        return [f">={version}", f"<{_tilde(version)}"]
    return [f"{_ALIASES.get(operator, operator)}{version}"]


def _wildcard(operator: str, version: str) -> list[str]:
    prefix = version[: version.index("*")].rstrip(".")
    if operator in {"", "=", "==", "!=", "<>"}:
        return [f"{_ALIASES.get(operator, operator)}{prefix}.*"]
    return _terms(operator, prefix)


def _numbers(version: str) -> list[int]:
    found = re.match(_NUMBERS, version)
    return [int(number) for number in found[0].split(".")] if found else [0]


def _caret(version: str) -> str:
    numbers = _numbers(version)
    place = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])


def _tilde(version: str) -> str:
    numbers = _numbers(version)[:2]
    return ".".join(str(number) for number in [*numbers[:-1], numbers[-1] + 1])


def python_specifier(constraint: str) -> str | None:
    """The versions of Python that a constraint allows, as one specifier; None is any.

    What several alternatives allow is written as a range without the minor versions between them.

    Raises:
        ValueError: the text is no constraint.
    """
    found = alternatives(constraint)
    if "" in found:
        return None
    return found[0] if len(found) == 1 else _union(found)


def _union(specifiers: tuple[str, ...]) -> str:
    from packaging.specifiers import SpecifierSet

    sets = [SpecifierSet(specifier) for specifier in specifiers]
    allowed = [
        (*python, patch)
        for python in _PYTHONS
        for patch in range(_LAST_PATCH)
        if any(f"{python[0]}.{python[1]}.{patch}" in each for each in sets)
    ]
    if not allowed:
        raise ValueError(f'"{" || ".join(specifiers)}" allows no version of Python')
    minors = {version[:2] for version in allowed}
    first, last = allowed[0], allowed[-1]
    gaps = [python for python in _PYTHONS if first[:2] < python < last[:2] and python not in minors]
    return ",".join(
        [
            f">={'.'.join(str(number) for number in (first if first[2] else first[:2]))}",
            *(f"!={major}.{minor}.*" for major, minor in gaps),
            *([] if last[:2] == _PYTHONS[-1] else [f"<{_after(last[:2])}"]),
        ]
    )


def _after(python: tuple[int, ...]) -> str:
    following = _PYTHONS[_PYTHONS.index((python[0], python[1])) + 1]
    return f"{following[0]}.{following[1]}"


def python_marker(constraint: str) -> str | None:
    """The marker that holds where a constraint allows Python; None is everywhere.

    Raises:
        ValueError: the text is no constraint.
    """
    found = alternatives(constraint)
    if "" in found:
        return None
    return " or ".join(f"({' and '.join(_comparison(part) for part in each.split(','))})" for each in found)


def _comparison(specifier: str) -> str:
    found = re.fullmatch(_TERM, specifier)
    operator, version = (found["operator"], found["version"]) if found else ("==", specifier)
    full = len(_numbers(version)) > 2  # noqa: PLR2004 (major, minor)
    return f'{"python_full_version" if full else "python_version"} {operator} "{version}"'
