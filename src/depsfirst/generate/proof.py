"""What proves that an image works, and what it starts: modules to import, found in the manifest and in the tree."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.plan import Plan
    from depsfirst.project.model import Project

_ROOTS = ("src", "", "lib", "python")
_ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "scripts", "tools", "benchmarks"})
"""Folders that are packages to Python and to nobody else."""


def import_statements(plan: Plan) -> tuple[str, ...]:
    """Statements that import what the project's scripts start, else its package; none for code that is no package.

    The modules of the settings go before both.
    """
    project, chosen = plan.project, plan.settings.imports
    if chosen is not None:
        return tuple(_statement(each) for each in chosen)
    if project.build_system is None:
        return ()
    scripts = sorted({*project.scripts.values(), *project.gui_scripts.values()})
    if scripts:
        return tuple(_statement(target.partition("[")[0].strip()) for target in scripts)
    package = _package(project)
    return (f"import {package}",) if package else ()


def _statement(target: str) -> str:
    module, _, attribute = target.partition(":")
    first = attribute.strip().partition(".")[0]
    return f"from {module.strip()} import {first}" if first else f"import {module.strip()}"


def _package(project: Project) -> str | None:
    """A package or module that the manifest names, else the one that is named like the project, else the only one."""
    name = project.name.replace("-", "_").replace(".", "_")
    for each in (*_declared(project.pyproject.get("tool") or {}), name, name.lower()):
        if any(_has(project.root / root, each) for root in _ROOTS):
            return each
    source = project.root / "src"
    folder = source if source.is_dir() else project.root
    found = sorted(path.name for path in folder.iterdir() if path.name not in _ASIDE and _is_package(path))
    return found[0] if len(found) == 1 else None


def _declared(tool: Mapping[str, Any]) -> Iterator[str]:
    """What the tables of the build backends name as packages."""
    for each in (tool.get("poetry") or {}).get("packages") or ():
        yield PurePosixPath(each.get("include", "")).parts[0] if each.get("include") else ""
    wheel = (((tool.get("hatch") or {}).get("build") or {}).get("targets") or {}).get("wheel") or {}
    yield from (PurePosixPath(each).name for each in wheel.get("packages") or ())
    packages = (tool.get("setuptools") or {}).get("packages")
    yield from (each.partition(".")[0] for each in packages) if isinstance(packages, list) else ()
    yield (tool.get("flit") or {}).get("module", {}).get("name", "")
    module = ((tool.get("uv") or {}).get("build-backend") or {}).get("module-name")
    yield module if isinstance(module, str) else ""


def _has(folder: Path, name: str) -> bool:
    named = name.isidentifier()
    return named and ((folder / name / "__init__.py").is_file() or (folder / f"{name}.py").is_file())


def _is_package(path: Path) -> bool:
    return path.name.isidentifier() and (path / "__init__.py").is_file()
