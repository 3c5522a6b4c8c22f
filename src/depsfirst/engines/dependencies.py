"""Turns a recipe into dependency layers, and remembers what a lock came to.

What a lock comes to on a base is remembered by the lock's fingerprint, so that a build after an edit of code
parses neither lock nor index: only the parts are looked for.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.engines.manifests import remembering
from depsfirst.errors import DepsfirstError
from depsfirst.imports.modules import Provided, provided
from depsfirst.oci.image import Part
from depsfirst.oci.layer import TarEntry, entry_header, make_layer
from depsfirst.plan import HEAVY, group_layers
from depsfirst.project.discover import lock_fingerprint, read_lock
from depsfirst.project.manifest import is_computed
from depsfirst.project.model import MAIN, Environment, UnlockedError
from depsfirst.values import NamedTuple
from depsfirst.wheels.install import directories, write_file
from depsfirst.wheels.parts import layer_parts, part_as_json, part_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from depsfirst.content import ContentStore
    from depsfirst.engines.ahead import Ahead
    from depsfirst.engines.bases import Base
    from depsfirst.engines.first_party import CodeAhead
    from depsfirst.engines.tools import Tools
    from depsfirst.oci.image import Layer
    from depsfirst.plan import Plan
    from depsfirst.project.model import Lock, LockedPackage, Recipe
    from depsfirst.wheels.indexes.places import Places
    from depsfirst.wheels.indexes.search import Search
    from depsfirst.wheels.install import Venv
    from depsfirst.wheels.own.stated import Stated
    from depsfirst.wheels.parts import InstalledWheel
    from depsfirst.wheels.resolve import Wish

_MEMO = "dependencies"
_FORMAT = 4
_CONNECTIONS = 8


class Dependencies(NamedTuple):
    """The third-party set as layers.

    Attributes:
        recipe: digest of the recipe.
        layers: heavy wheels alone, the rest together.
        provided: the modules they bring, for the import check.
        first_party: directories of path dependencies, relative to the lock's own.
        uninstalled: what is locked and not installed, with the group or extra that would bring it.
    """

    recipe: str
    layers: tuple[Layer, ...]
    provided: Provided
    first_party: tuple[str, ...]
    uninstalled: Mapping[str, tuple[str, str]]


def environment_layer(base: Base, plan: Plan, store: ContentStore) -> Layer:
    """The lowest of our layers: an empty virtual environment, and the working directory."""
    from io import BytesIO

    skeleton = list(base.venv.skeleton(base.python.path, base.python.full_version))
    file = BytesIO(directories([f"{base.venv.site_packages}/", *(entry.path for entry, _ in skeleton)]))
    file.seek(0, 2)
    for entry, data in skeleton:
        write_file(entry, data, file)
    for entry in working_directory(plan):
        file.write(entry_header(entry))
    data = file.getvalue()
    part = Part(digests.sha256(data).hexdigest(), (data,))
    return make_layer([part], store, kind="environment", title="virtual environment")


def working_directory(plan: Plan) -> list[TarEntry]:
    """The directories down to the one that the image works in, which belongs to the user if that has a number."""
    parts = plan.settings.workdir.strip("/").split("/")
    uid, _, gid = plan.settings.user.partition(":")
    owner = (int(uid), int(gid or uid)) if uid.isdigit() and (gid or uid).isdigit() else (0, 0)
    paths = ["/".join(parts[: count + 1]) for count in range(len(parts))] if parts[0] else []
    return [
        TarEntry(path, kind="directory", mode=0o755, uid=owner[0] * last, gid=owner[1] * last)
        for path in paths
        for last in [path == paths[-1]]
    ]


def dependencies(  # noqa: PLR0913 - what is wanted, on what, with what
    plan: Plan, base: Base, tools: Tools, ahead: Ahead, code: CodeAhead, *, refresh: bool = False
) -> Dependencies:
    """The dependency layers of a plan on a base; while they are made, what is ready is loaded ahead.

    Args:
        plan: says what is wanted.
        base: what it is installed on.
        tools: cache, network and watcher.
        ahead: takes what is ready.
        code: the project, whose wheel may be the only one to say what it depends on.
        refresh: whether to resolve again what has no lock, whatever the cache knows.

    Raises:
        DepsfirstError: the lock does not fit, or a package cannot be had or installed.
    """
    stated = code.stated() if code.stated is not None and is_computed(plan.project) else None
    key = _memo_key(plan, base, lock_fingerprint(plan.project, remembering(tools.store)), stated)
    known = None if refresh else tools.store.recall(_MEMO, key)
    found = _remembered(known, tools.store) if known else None
    if found is None:
        known = _install(plan, base, tools, ahead, stated, refresh=refresh)
        tools.store.remember(_MEMO, key, known)
        found = _remembered(known, tools.store)
        if found is None:
            raise DepsfirstError("the cache lost what was just written", where=str(tools.store.root))
        found = found._replace(layers=tuple(_as_made(layer, ahead) for layer in found.layers))
    return found


def _as_made(layer: Layer, ahead: Ahead) -> Layer:
    """A layer that the cache has; one that was made ahead in this build is new all the same."""
    return layer._replace(reused=layer.reused and layer.diff_id not in ahead.made)


def _memo_key(plan: Plan, base: Base, fingerprint: str, stated: Stated | None) -> str:
    facts = [
        _FORMAT,
        fingerprint,
        plan.platform,
        sorted(plan.groups),
        sorted(plan.extras),
        plan.settings.max_layers,
        base.key,
        *([] if stated is None else [stated.requires, sorted(stated.extras)]),
    ]
    return digests.sha256(json.dumps(facts).encode()).hexdigest()


def _remembered(known: Mapping[str, Any], store: ContentStore) -> Dependencies | None:
    """What a memo says, if the cache still has every part of it, and no file without a locked hash changed."""
    if any(_signature(path) != signature for path, signature in known["watched"].items()):
        return None
    layers = []
    for title, values in known["layers"]:
        parts = [part_from_json(value, store) for value in values]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            return None
        layers.append(make_layer(whole, store, kind="dependencies", title=title))
    return Dependencies(
        recipe=known["recipe"],
        layers=tuple(layers),
        provided=Provided.from_json(known["provided"]),
        first_party=tuple(known["first_party"]),
        uninstalled={name: (kind, choice) for name, (kind, choice) in known["uninstalled"].items()},
    )


def _signature(path: str) -> list[int]:
    from depsfirst.wheels.indexes.places import signature

    return signature(path)


def _install(  # noqa: PLR0913 - see dependencies
    plan: Plan, base: Base, tools: Tools, ahead: Ahead, stated: Stated | None, *, refresh: bool
) -> dict[str, Any]:
    """Read the lock, install every package of its recipe as a part, and say what it came to."""
    from depsfirst.project.selection import select
    from depsfirst.wheels.resolve import Wish

    environment = Environment(base.python.version, plan.platform)
    wish = Wish(plan.project, environment, plan.groups, plan.extras, stated=stated)
    lock = _lock(wish, tools, refresh=refresh)

    def install(lock: Lock) -> tuple[Recipe, Places, dict[str, InstalledWheel]]:
        recipe = select(lock, environment, groups=plan.groups, extras=plan.extras)
        places = _places(lock, plan, tools)
        search = partial(tools.search, plan.project, lock)
        return recipe, places, _install_all(recipe, places, search, plan, base, tools, ahead)

    recipe, places, names = install(lock)
    lacking = _lacking(lock, recipe, names, environment)
    if lacking:
        lock = _resolved(wish._replace(because=lacking), tools, refresh=refresh)
        recipe, places, names = install(lock)
    sizes = {name: each.part.size for name, each in names.items()}
    groups = group_layers(sizes, plan.settings.max_layers)
    everything = provided(_importable(names.values(), base.venv))
    return {
        "recipe": recipe.digest,
        "layers": [[_title(group), _parts([names[name] for name in group], tools)] for group in groups],
        "provided": everything.to_json(),
        "first_party": [package.source.location or "." for package in recipe.first_party],
        "uninstalled": _declared(plan, recipe) | _uninstalled(lock, environment, recipe),
        "watched": places.watched,
    }


def _places(lock: Lock, plan: Plan, tools: Tools) -> Places:
    """Where the packages of a lock are looked for."""
    from depsfirst.wheels.indexes.places import places_of

    return places_of(plan.project, lock, tools.index_url, tools.store, tools.fetcher)


def _lock(wish: Wish, tools: Tools, *, refresh: bool) -> Lock:
    """The project's lock, or what uv resolves for the environment where there is none."""
    try:
        return read_lock(wish.project)
    except UnlockedError:
        if wish.stated is None and is_computed(wish.project):
            raise
        return _resolved(wish, tools, refresh=refresh)


def _resolved(wish: Wish, tools: Tools, *, refresh: bool) -> Lock:
    from depsfirst.wheels.resolve import resolved

    return resolved(wish, tools.store, tools.progress, index_url=tools.index_url, refresh=refresh)


def _lacking(
    lock: Lock, recipe: Recipe, installed: Mapping[str, InstalledWheel], environment: Environment
) -> str | None:
    """What pinned requirements leave out of what their packages require, in words; None if they are complete."""
    packages = [package for package in recipe.third_party if package.source.kind == "index"]
    if lock.format != "requirements" or all(package.hashes for package in packages):
        return None
    from depsfirst.project.markers import Evaluator
    from depsfirst.wheels.unmet import unmet

    extras = [(edge.name, extra) for edge in lock.roots[MAIN] for extra in edge.extras]
    known = {package.name for package in recipe.first_party}
    found = unmet(installed, extras, Evaluator(environment.markers()))
    left_out = [f"{name}, which {requirer} requires" for name, requirer in found.items() if name not in known]
    if not left_out:
        return None
    more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"{lock.name} leaves out {left_out[0]}{more}"


def _declared(plan: Plan, recipe: Recipe) -> dict[str, tuple[str, str]]:
    """What the manifest asks for in groups and extras and is not installed; what is resolved knows of no others."""
    from depsfirst.project.requirement import Manifest

    try:
        optional = Manifest(plan.project.pyproject, ".").optional()
    except DepsfirstError:  # what nobody chose need not be right
        return {}
    return {name: why for name, why in optional.items() if name not in {package.name for package in recipe.third_party}}


def _uninstalled(lock: Lock, environment: Environment, recipe: Recipe) -> dict[str, tuple[str, str]]:
    """What is locked and was not asked for, with the group or extra that would bring it."""
    from depsfirst.project.selection import select

    found: dict[str, tuple[str, str]] = {}
    choices = [("extra", name) for name in lock.extras] + [("group", name) for name in lock.roots]
    for kind, name in choices:
        wanted = {"groups": frozenset({name})} if kind == "group" else {"extras": frozenset({name})}
        try:
            more = select(lock, environment, **wanted)
        except DepsfirstError:  # a choice that is not possible here brings nothing
            continue
        found |= {package.name: (kind, name) for package in more.third_party if package.name not in found}
    return {name: why for name, why in found.items() if name not in {package.name for package in recipe.third_party}}


def _parts(installed: Sequence[InstalledWheel], tools: Tools) -> list[Any]:
    return [part_as_json(part) for part in layer_parts(installed, tools.store, tools.progress.warn)]


def _title(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{len(group)} packages"


def _importable(installed: Iterable[InstalledWheel], venv: Venv) -> list[str]:
    start = f"{venv.site_packages}/"
    return [path[len(start) :] for each in installed for path in each.files if path.startswith(start)]


def _install_all(  # noqa: PLR0913, PLR0917 - what is installed, from where, and on what
    recipe: Recipe,
    places: Places,
    search: Callable[[], Search],
    plan: Plan,
    base: Base,
    tools: Tools,
    ahead: Ahead,
) -> dict[str, InstalledWheel]:
    from concurrent.futures import ThreadPoolExecutor

    from depsfirst.engines.acquire import Acquirer
    from depsfirst.wheels.choose import Target

    target = Target(base.tags(), base.title)
    packages = recipe.third_party
    with tools.progress.task("installing dependencies", len(packages), "packages") as advance:
        acquirer = Acquirer(target, base.venv, places, search, tools, advance)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            futures = {package.name: pool.submit(acquirer.install, package) for package in _largest_first(packages)}
            try:
                return dict(_collected(futures, plan.settings.max_layers, tools, ahead))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _collected(
    futures: Mapping[str, Future[InstalledWheel]], max_layers: int, tools: Tools, ahead: Ahead
) -> Iterator[tuple[str, InstalledWheel]]:
    """What was installed, in order of names; heavy wheels, whose layers are sure by then, are offered ahead."""
    layers: list[Layer] = []
    for name in sorted(futures):
        each = futures[name].result()
        if each.part.size >= HEAVY and len(layers) < max_layers - 1:
            parts = layer_parts([each], tools.store, tools.progress.warn)
            layers.append(make_layer(parts, tools.store, kind="dependencies", title=name))
            ahead.offer(layers)
        yield name, each


def _largest_first(packages: Sequence[LockedPackage]) -> list[LockedPackage]:
    """Those whose lock promises the largest files first, so that the last to end is a small one."""
    return sorted(packages, key=lambda package: -max((file.size or 0 for file in package.files), default=0))
