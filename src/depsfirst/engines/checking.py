"""Proves that an image will import: statically on every build, and what to try for real if something changed."""

from __future__ import annotations

import os
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from depsfirst.digests import sha256
from depsfirst.imports.answers import Stdlib, Surroundings
from depsfirst.imports.check import Memory, check, failure, told
from depsfirst.imports.modules import prefixes, site_path
from depsfirst.trials.verify import Request, top_level
from depsfirst.values import NamedTuple
from depsfirst.wheels.entry_points import entry_points
from depsfirst.wheels.extras import asked_elsewhere, asked_with_extras
from depsfirst.wheels.install import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from depsfirst.engines.bases import Base
    from depsfirst.engines.dependencies import Dependencies
    from depsfirst.engines.first_party import Own
    from depsfirst.engines.tools import Tools
    from depsfirst.oci.image import Image
    from depsfirst.plan import Plan
    from depsfirst.trials.verify import Mode


class Proof(NamedTuple):
    """What is left to be proved in the image.

    Attributes:
        imported: all that importing first-party code asks for; the trial is made again when it changes.
        sources: absolute paths in the image of sources that only its own interpreter can judge.
        needed: modules of dependencies that first-party code cannot do without.
    """

    imported: frozenset[str]
    sources: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()


def check_imports(own: Sequence[Own], third_party: Dependencies, plan: Plan, base: Base, tools: Tools) -> Proof:
    """Hold every import of first-party code against what the image has.

    Raises:
        DepsfirstError: an import that nothing answers, or a source that does not compile.
    """
    around = Surroundings(
        provided=reduce(or_, (each.answers for each in own), third_party.provided),
        stdlib=Stdlib(frozenset(base.python.stdlib), base.python.version[:2]),
        ignored=frozenset(plan.settings.ignore_imports),
        uninstalled={**third_party.uninstalled, **asked_with_extras(own[-1].wheel.entries)},
        entries=_entries(plan, own[-1]),
        scripts=plan.project.in_place is not None,
        plugins=frozenset(target for each in own for target in entry_points(each.wheel.entries).plugins),
    )
    code = [(entry.path, entry.content) for each in own for entry in each.wheel.entries]
    digests = {entry.path: entry.sha256 for each in own for entry in each.wheel.entries}
    root = plan.project.root
    memory = Memory(tools.store, sha256(os.fsencode(root)).hexdigest())
    checked = check(code, around, root=root, memory=memory, digests=digests)
    if failure(checked.problems) is not None:
        elsewhere = asked_elsewhere(own[-1].wheel.entries)
        around = around._replace(uninstalled={**_of_packages(third_party), **elsewhere, **around.uninstalled})
        checked = check(code, around, root=root, memory=memory, digests=digests)
    problems = checked.problems
    if problems and plan.project.in_place and not around.entries:
        from depsfirst.engines.in_place import softened

        problems = softened(problems, plan.project)
    error = failure(problems)
    if error is not None:
        raise error
    for text in told(problems):
        tools.progress.warn(text)
    for name, target in sorted(plan.project.scripts.items() if not plan.project.in_place else ()):
        if not _answered(_top(target), own, around):
            tools.progress.warn(f'the script "{name}" starts "{target}", which nothing in the image provides')
    needed = _prefixes(checked.needed, third_party.provided.modules) if plan.project.in_place else frozenset()
    if any(problem.severity == "unknown" for problem in problems):
        return _to_compile(own, checked.imported, plan, base)._replace(needed=needed)
    return Proof(checked.imported, needed=needed)


def _of_packages(third_party: Dependencies) -> dict[str, tuple[str, str]]:
    """What extras of installed packages would bring; asked for when something is missing."""
    from depsfirst.wheels.extras import asked_with_extras_of_packages
    from depsfirst.wheels.unmet import metadata_of

    return asked_with_extras_of_packages(metadata_of(part) for layer in third_party.layers for part in layer.parts)


def _prefixes(names: Iterable[str], modules: Container[str]) -> frozenset[str]:
    """The shortest prefix of each dotted name that is a module, if one is."""
    found = (next((prefix for prefix in prefixes(name) if prefix in modules), None) for name in names)
    return frozenset(each for each in found if each)


def _answered(top: str, own: Sequence[Own], around: Surroundings) -> bool:
    """Whether first-party code, a dependency or the standard library has a top-level module."""
    places = (site_path(entry.path) for each in own for entry in each.wheel.entries)
    if any(path.startswith((f"{top}/", f"{top}.")) for path in places):
        return True
    modules = (module.partition(".")[0] for module in around.provided.modules)
    return bool(around.provided.hooks) or top in {*around.stdlib.names, *modules}


def _entries(plan: Plan, code: Own) -> frozenset[str]:
    """What starts the project, as ``module`` or ``module:object``: its scripts, and what its settings name."""
    entrypoint, words = plan.settings.entrypoint, plan.settings.cmd
    words += entrypoint if isinstance(entrypoint, tuple) else ()
    if plan.project.in_place:
        from depsfirst.engines.in_place import started

        return started(plan.project.in_place, (*words, *(plan.settings.imports or ())), code.wheel.entries)
    scripts = (*plan.project.scripts.values(), *plan.project.gui_scripts.values())
    return frozenset((*scripts, *words, *(plan.settings.imports or ())))


def _to_compile(own: Sequence[Own], imported: frozenset[str], plan: Plan, base: Base) -> Proof:
    """All sources, where this machine's Python is too old to tell whether each of them compiles."""
    folders = (f"{base.venv.site_packages}/", *([f"{plan.settings.workdir}/"[1:]] if plan.project.in_place else []))
    sources = [
        path for each in own for path in each.installed.files if path.endswith(".py") and path.startswith(folders)
    ]
    return Proof(imported | {each.wheel.digest for each in own}, tuple(f"/{path}" for path in sources))


def import_request(mode: Mode, image: Image, proof: Proof, code: Own, plan: Plan) -> Request:
    """What to import in an image to prove that it works: what its scripts start, and its top-level packages.

    A script that starts nothing of the project's own counts if it is what the image starts.
    """
    chosen = plan.settings.imports
    if chosen is None and plan.project.in_place:
        from depsfirst.engines.in_place import tried

        chosen = tried(plan.project.in_place, code.wheel.entries, proof.needed)
    if chosen is None:
        tops = top_level(entry.path for entry in code.wheel.entries)
        started = plan.project.scripts.get(_started(image))
        scripts = {target for target in plan.project.scripts.values() if target == started or _top(target) in tops}
        chosen = (*sorted(scripts), *tops)
    modules = (*proof.sources, *chosen)
    return Request(image, INTERPRETER, modules, proof.imported, plan.platform, mode)


def _started(image: Image) -> str:
    """The name of the program that an image starts."""
    entrypoint = (image.config.get("config") or {}).get("Entrypoint") or [""]
    return str(entrypoint[0]).rpartition("/")[2]


def _top(target: str) -> str:
    return target.partition(":")[0].partition(".")[0]
