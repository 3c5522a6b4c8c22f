"""Turns a recipe into dependency layers, and remembers what a lock came to.

What a lock comes to on a base is remembered by the lock's fingerprint, so that a build after an edit of code reads neither
lock nor index: only the parts are looked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from depsfirst.engines.imports import Provided, provided
from depsfirst.wheels.install import Venv, write_file
from depsfirst.wheels.parts import find_installed, find_part, install_wheel, part_key
from depsfirst.oci.image import Part
from depsfirst.oci.layer import TarEntry, entry_header, make_layer
from depsfirst.plan import group_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.engines.bases import Base
    from depsfirst.wheels.parts import InstalledWheel
    from depsfirst.wheels.choose import Choice
    from depsfirst.fetch import Fetcher
    from depsfirst.oci.image import Layer
    from depsfirst.plan import Plan
    from depsfirst.progress import Progress
    from depsfirst.project.model import LockedPackage, Recipe

_MEMO = "dependencies"
_FORMAT = 1
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The third-party set as layers.

    Attributes:
        recipe: digest of the recipe.
        layers: heavy wheels alone, the rest together.
        provided: the modules they bring, for the import check.
        first_party: directories of path dependencies, relative to the project's root.
        count: how many distributions were installed.
    """

    recipe: str
    layers: tuple[Layer, ...]
    provided: Provided
    first_party: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with: the cache, the network, the index's URL when it is needed, and a watcher."""

    store: ContentStore
    fetcher: Fetcher
    index: Callable[[], str]
    progress: Progress


def frame(venv: Venv) -> Part:
    """The directories that every layer of the environment starts with."""
    data = b"".join(
        entry_header(TarEntry(path, kind="directory", mode=0o755)) for path in ("opt", *venv.directories())
    )
    return Part(f"frame {venv.python}", (data,))


def environment_layer(base: Base, plan: Plan, store: ContentStore) -> Layer:
    """The lowest of our layers: an empty virtual environment, and the working directory."""
    from io import BytesIO  # noqa: PLC0415

    file = BytesIO()
    for entry, data in base.venv.skeleton(base.interpreter, base.version):
        write_file(entry, data, file)
    for entry in _workdir(plan):
        file.write(entry_header(entry))
    data = file.getvalue()
    skeleton = Part(hashlib.sha256(data).hexdigest(), (data,))
    return make_layer([frame(base.venv), skeleton], store, kind="environment", title="virtual environment")


def _workdir(plan: Plan) -> list[TarEntry]:
    parts = plan.settings.workdir.strip("/").split("/")
    uid, _, gid = plan.settings.user.partition(":")
    owner = (int(uid), int(gid or uid)) if uid.isdigit() and (gid or uid).isdigit() else (0, 0)
    paths = ["/".join(parts[: count + 1]) for count in range(len(parts))] if parts[0] else []
    return [
        TarEntry(path, kind="directory", mode=0o755, uid=owner[0] * last, gid=owner[1] * last)
        for path in paths
        for last in [path == paths[-1]]
    ]


def dependencies(
    plan: Plan, base: Base, fingerprint: str, recipe: Callable[[], Recipe], tools: Tools
) -> Dependencies:
    """The dependency layers of a plan on a base.

    Args:
        plan: which groups and extras, and how many layers.
        base: whose interpreter and libc the wheels must fit.
        fingerprint: of the lock.
        recipe: reads the lock; called only if this fingerprint was not met before.
        tools: cache, network and progress.
    """
    key = _memo_key(plan, base, fingerprint)
    known = tools.store.recall(_MEMO, key)
    found = _remembered(known, base.venv, tools.store) if known else None
    if found is None:
        read = recipe()
        known = _install(read, plan, base, tools)
        tools.store.remember(_MEMO, key, known)
        found = _remembered(known, base.venv, tools.store)
    if found is None:
        raise RuntimeError(key)
    return found


def _memo_key(plan: Plan, base: Base, fingerprint: str) -> str:
    facts = [
        _FORMAT,
        fingerprint,
        plan.platform,
        sorted(plan.groups),
        sorted(plan.extras),
        plan.settings.max_layers,
        list(base.target_facts),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _remembered(known: Mapping[str, Any], venv: Venv, store: ContentStore) -> Dependencies | None:
    """What a memo says, if the cache still has every part of it."""
    layers = []
    for title, keys in known["layers"]:
        parts = [find_part(key, store) for key in keys]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            return None
        layers.append(make_layer([frame(venv), *whole], store, kind="dependencies", title=title))
    return Dependencies(
        recipe=known["recipe"],
        layers=tuple(layers),
        provided=Provided.from_json(known["provided"]),
        first_party=tuple(known["first_party"]),
        count=known["count"],
    )


def _install(recipe: Recipe, plan: Plan, base: Base, tools: Tools) -> dict[str, Any]:
    """Install every package of a recipe as a part, and say what it came to."""
    installed = _install_all(recipe, plan, base, tools)
    names = {package.name: each for package, each in zip(recipe.third_party, installed, strict=True)}
    sizes = {name: each.part.size for name, each in names.items()}
    groups = group_layers(sizes, plan.settings.max_layers)
    everything = provided(_importable(installed, base.venv))
    return {
        "recipe": recipe.digest,
        "layers": [(_title(group), [names[name].part.key for name in group]) for group in groups],
        "provided": everything.to_json(),
        "first_party": [package.source.location or "." for package in recipe.first_party],
        "count": len(installed),
    }


def _title(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{len(group)} packages"


def _importable(installed: Sequence[InstalledWheel], venv: Venv) -> list[str]:
    start = f"{venv.site_packages}/"
    return [path[len(start) :] for each in installed for path in each.files if path.startswith(start)]


def _install_all(recipe: Recipe, plan: Plan, base: Base, tools: Tools) -> list[InstalledWheel]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (not needed after an edit of code)

    from depsfirst.engines.sdist import SdistBuilder  # noqa: PLC0415
    from depsfirst.wheels.choose import Chooser, Target  # noqa: PLC0415

    target = Target(base.tags(), f"{plan.platform} with Python {base.version} and {base.libc}")
    chooser = Chooser(target, tools.index, tools.fetcher)
    worker = _Worker(chooser, base.venv, tools, SdistBuilder(target, base, tools))
    packages = recipe.third_party
    title = f"installing {len(packages)} packages"
    with tools.progress.task(title, len(packages), "packages") as advance:
        worker.advance = advance
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            futures = [pool.submit(worker.install, package) for package in _largest_first(packages)]
            try:
                done = {name: each for name, each in (future.result() for future in futures)}
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return [done[package.name] for package in packages]


def _largest_first(packages: Sequence[LockedPackage]) -> list[LockedPackage]:
    """Those whose lock promises the largest files first, so that the last to end is a small one."""
    return sorted(packages, key=lambda package: -max((file.size or 0 for file in package.files), default=0))
