"""Proves that an image will import: statically on every build, and what to try for real if something changed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from depsfirst.imports.answers import Stdlib, Surroundings
from depsfirst.imports.check import Memory, check, failure
from depsfirst.trials.verify import Request, top_level
from depsfirst.values import NamedTuple
from depsfirst.wheels.install import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """

    imported: frozenset[str]
    sources: tuple[str, ...] = ()


def check_imports(own: Sequence[Own], third_party: Dependencies, plan: Plan, base: Base, tools: Tools) -> Proof:
    """Hold every import of first-party code against what the image has.

    Raises:
        DepsfirstError: an import that nothing answers, or a source that does not compile.
    """
    around = Surroundings(
        provided=third_party.provided,
        stdlib=Stdlib(frozenset(base.python.stdlib), base.python.version[:2]),
        ignored=frozenset(plan.settings.ignore_imports),
        uninstalled=third_party.uninstalled,
        entries=frozenset(plan.project.scripts.values()),
    )
    code = [(entry.path, entry.content) for each in own for entry in each.wheel.entries]
    digests = {entry.path: entry.sha256 for each in own for entry in each.wheel.entries}
    root = plan.project.root
    memory = Memory(tools.store, hashlib.sha256(os.fsencode(root)).hexdigest())
    checked = check(code, around, root=root, memory=memory, digests=digests)
    error = failure(checked.problems)
    if error is not None:
        raise error
    for problem in checked.problems:
        tools.progress.warn(str(problem))
    if any(problem.severity == "unknown" for problem in checked.problems):
        return _to_compile(own, checked.imported, base)
    return Proof(checked.imported)


def _to_compile(own: Sequence[Own], imported: frozenset[str], base: Base) -> Proof:
    """All sources, where this machine's Python is too old to tell whether each of them compiles."""
    folder = base.venv.site_packages
    sources = [
        path for each in own for path in each.installed.files if path.endswith(".py") and path.startswith(folder)
    ]
    return Proof(imported | {each.wheel.digest for each in own}, tuple(f"/{path}" for path in sources))


def import_request(mode: Mode, image: Image, proof: Proof, code: Own, plan: Plan) -> Request:
    """What to import in an image to prove that it works: what its scripts start, and its top-level packages."""
    chosen = plan.settings.imports
    if chosen is None:
        scripts = {target.partition("[")[0].strip() for target in plan.project.scripts.values()}
        chosen = (*sorted(scripts), *top_level(entry.path for entry in code.wheel.entries))
    modules = (*proof.sources, *chosen)
    return Request(image, INTERPRETER, modules, proof.imported, plan.platform, mode)
