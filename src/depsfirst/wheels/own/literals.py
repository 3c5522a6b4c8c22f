"""What a backend can learn from a file without running it: literal assignments, docstrings and setup.cfg.

The rules are those of setuptools and flit; where they would import the module instead, these say so.
"""

from __future__ import annotations

import ast
from configparser import ConfigParser, Error
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECLARATIVE = ("metadata", "options")
_PROGRAMS = frozenset({"cmdclass", "ext_modules", "namespace_packages", "setup_requires"})
_FOREIGN = (
    "aliases",
    "bdist_wheel",
    "sdist",
    "wheel",
    "check-manifest",
    "codespell",
    "darglint",
    "doc8",
    "flake8",
    "isort",
    "mypy",
    "pep8",
    "pydocstyle",
)
_FOREIGN_STARTS = ("coverage:", "flake8:", "isort:", "mypy-", "pycodestyle", "pylint", "tool:", "tox:", "yapf", "zest.")


def _statements(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _assignments(text: str) -> Iterator[tuple[str, ast.expr]]:
    for statement in _statements(text):
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and statement.value:
                yield target.id, statement.value


def assigned(text: str, name: str) -> bool:
    """Whether a module assigns a literal to ``name`` at its top, the first time it assigns anything to it."""
    value = next((value for target, value in _assignments(text) if target == name), None)
    if value is None:
        return False
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def docstring(text: str) -> bool:
    """Whether a module has a docstring that is not empty."""
    return bool((ast.get_docstring(ast.Module(_statements(text), [])) or "").strip())


def version(text: str) -> bool:
    """Whether a module assigns a string to ``__version__`` at its top."""
    values = [value for name, value in _assignments(text) if name == "__version__"]
    return any(isinstance(value, ast.Constant) and isinstance(value.value, str) for value in values)


def only_calls_setup(text: str) -> bool:
    """Whether a setup.py is the customary stub: an import of setuptools, and ``setup()`` without arguments."""
    statements = _statements(text)
    if statements and isinstance(statements[-1], ast.If) and not statements[-1].orelse:
        guard = ast.unparse(statements[-1].test).replace("'", '"')
        if guard == '__name__ == "__main__"':
            statements = [*statements[:-1], *statements[-1].body]
    allowed = {"import setuptools", "from setuptools import setup", "setup()", "setuptools.setup()"}
    return bool(statements) and all(
        ast.unparse(each) in allowed or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in statements
    )


def directives(text: str) -> Iterator[dict[str, str | list[str]]]:
    """What a setup.cfg makes setuptools read.

    Yields:
        ``{"file": […]}`` and ``{"attr": …}`` as in pyproject.toml; ``{"top": […]}`` for directories that packages
        stand in; ``{"always": reason}`` for what cannot be foreseen.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except Error:
        yield {"always": '"setup.cfg" cannot be read'}
        return
    for section in parser.sections():
        if section.partition(".")[0] in _DECLARATIVE:
            for key, value in parser[section].items():
                yield from _directive(key.replace("-", "_"), value)
        elif section not in _FOREIGN and not section.startswith(_FOREIGN_STARTS):
            yield {"always": f'"setup.cfg" configures a command in [{section}]'}


def _directive(key: str, value: str) -> Iterator[dict[str, str | list[str]]]:
    kind, colon, rest = value.strip().partition(":")
    moved = key == "package_dir" and not all(line.strip().startswith("=") for line in value.split("\n") if line.strip())
    if key in _PROGRAMS or moved:
        yield {"always": f'"setup.cfg" has {key}'}
    elif key in {"package_dir", "where"}:
        yield {"top": [part.strip("= ") for part in value.split("\n") if part.strip()]}
    elif colon and kind == "file":
        yield {"file": [part.strip() for part in rest.replace("\n", ",").split(",") if part.strip()]}
    elif colon and kind == "attr":
        yield {"attr": rest.strip()}
