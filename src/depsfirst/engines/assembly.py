"""Makes an image of an order and puts it where it is wanted.

The order of work: what the project is, what the base offers, the dependencies, the code; a static import check before
anything is written, and the real import if something that matters to it changed; then the copy, which sends only what
the destination lacks.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst.engines import foretelling
from depsfirst.engines.ahead import loading_ahead
from depsfirst.engines.bases import resolve_base
from depsfirst.engines.checking import check_imports, import_request
from depsfirst.engines.dependencies import dependencies, environment_layer
from depsfirst.engines.destinations import destination_for
from depsfirst.engines.first_party import as_built, code_ahead, code_layer, libraries, library_layer
from depsfirst.engines.manifests import remembering
from depsfirst.engines.planning import make_plan
from depsfirst.engines.tools import Tools
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import Image
from depsfirst.oci.store import copy
from depsfirst.plan import Built, BuiltLayer, runtime, undecided
from depsfirst.project.discover import discover
from depsfirst.project.workspace import find_member
from depsfirst.trials.verify import failure, known, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.engines.bases import Base
    from depsfirst.engines.destinations import Destination, Prepared
    from depsfirst.engines.first_party import Own
    from depsfirst.oci.image import Layer
    from depsfirst.oci.store import Written
    from depsfirst.plan import Order, Plan
    from depsfirst.progress import Progress
    from depsfirst.project.model import Project
    from depsfirst.trials.verify import Request

_OLDEST = "1980-01-01T00:00:00Z"
"""When an image was made if SOURCE_DATE_EPOCH does not say: the same on every machine."""


def build(order: Order, ready: Prepared, store: ContentStore, progress: Progress, started: float) -> Built:
    """Build the image of a project and put it where the order wants it.

    Args:
        order: what is wanted.
        ready: the Docker that will get it, if one will.
        store: the cache.
        progress: the watcher.
        started: when the build began, by ``time.perf_counter``.

    Raises:
        DepsfirstError: it cannot be built; the destination has what it had before.
    """
    clock, epoch = _Clock(started), _source_date_epoch()
    plan = make_plan(order, _project(order, store), store)
    tools = Tools(store, plan.index_url, progress)
    with code_ahead(plan, tools) as own_code:
        with clock.step("base"):
            base = resolve_base(plan, tools, refresh=order.refresh)
            environment = environment_layer(base, plan, store)
        below = base.image._replace(layers=(*base.image.layers, environment))
        with loading_ahead(ready.endpoint, below, store) as ahead:
            with clock.step("dependencies"):
                third_party = dependencies(plan, base, tools, ahead, own_code, refresh=order.refresh)
            with clock.step("code"):
                beside = libraries(third_party.first_party, plan, base, tools)
                code = own_code.on(base)
                plan = plan._replace(project=as_built(code, plan.extras))
            last = code_layer(code, tools)
            ready.announce(plan.reference, last)
            with clock.step("check"):
                proof = check_imports([*beside, code], third_party, plan, base, tools)
            unsaid = undecided(plan.project, plan.settings)
            if unsaid:
                progress.warn(unsaid)
            layers = [environment, *third_party.layers]
            layers += [library_layer(beside, tools)] if beside else []
            image = assemble(plan, base, [*layers, last], third_party.recipe, epoch)
            request = import_request(order.verify, image, proof, code, plan)
            ahead.settle()
            destination = destination_for(order, plan.reference, ready, store)
            noted = foretelling.noted(image, code, base.venv, store) if ready.key else None
            image, written, verdict = _proven(request, image, destination, tools, clock)
            if ready.key and noted:
                foretelling.keep(noted, ready.key, image, written, store)
    written = written._replace(layers=(*ahead.sent, *written.layers))
    return _built(plan, image, written, destination, code, verdict, clock)


def _project(order: Order, store: ContentStore) -> Project:
    values = remembering(store)
    return discover(find_member(order.directory, order.package, values), values)


def _proven(
    request: Request, image: Image, destination: Destination, tools: Tools, clock: _Clock
) -> tuple[Image, Written, str]:
    """Write an image that is known to import, or after it was tried."""
    verdict = known(request, tools.store)
    if verdict is None:
        return _rehearsed(request, image, destination, tools, clock)
    with clock.step("write"):
        return *_write(image, destination, tools), str(verdict)


def _rehearsed(
    request: Request, image: Image, destination: Destination, tools: Tools, clock: _Clock
) -> tuple[Image, Written, str]:
    """Import the project in its image, then write it: an image that fails never gets where it was to go."""
    from depsfirst.engines.rehearsal import stage

    with stage(destination.endpoint, tools.store) as staged:
        with clock.step("verify"), tools.progress.task("importing the project in its image", None, "modules"):
            verdict = verify(request, tools.store, staged.runners)
        error = failure(verdict, request.mode)
        if error is not None:
            raise error
        with clock.step("write"):
            image, written = _write(image, destination, tools)
    return image, written._replace(layers=(*staged.sent, *written.layers)), str(verdict)


def assemble(plan: Plan, base: Base, layers: Sequence[Layer], recipe: str, epoch: str | None) -> Image:
    """The image of a plan: the base's layers and ours, how it runs, and the time it states (RFC 3339), if any."""
    config = {key: value for key, value in base.image.config.items() if key != "config"}
    config["created"] = epoch or _OLDEST
    config["config"] = runtime(plan.project, plan.settings, recipe, epoch).config(base.image.config.get("config") or {})
    return Image(config, (*base.image.layers, *layers), history=base.image.history)


def _source_date_epoch() -> str | None:
    """The time that SOURCE_DATE_EPOCH gives, as RFC 3339."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(text)))
    except (ValueError, OverflowError, OSError):
        raise DepsfirstError(
            f'SOURCE_DATE_EPOCH is "{text}", which is no time',
            hint="set it to whole seconds since 1970, as `git log -1 --format=%ct` prints them",
        ) from None


def _write(image: Image, destination: Destination, tools: Tools) -> tuple[Image, Written]:
    if destination.compress:
        from depsfirst.oci.compress import compressed

        layers = tuple(compressed(layer, tools.store) for layer in image.layers)
        image = Image(image.config, layers, image.annotations, image.history)
    return image, copy(image, destination.target)


def _built(  # noqa: PLR0913, PLR0917 - all that a build knows in the end
    plan: Plan, image: Image, written: Written, destination: Destination, code: Own, verdict: str, clock: _Clock
) -> Built:
    new = set(written.layers) if destination.kind != "archive" else None
    layers = tuple(
        BuiltLayer(
            layer.kind,
            layer.title,
            layer.diff_id,
            layer.blob.descriptor.size,
            layer.reused if new is None else layer.diff_id not in new,
        )
        for layer in image.layers
    )
    return Built(
        reference=plan.reference,
        destination=destination.kind,
        where=written.reference,
        digest=written.digest,
        image_id=written.image_id,
        platform=plan.platform,
        layers=layers,
        how=code.wheel.how,
        reason=code.wheel.reason,
        verdict=verdict,
        run=destination.run,
        seconds=clock.seconds(),
    )


class _Clock:
    """Takes the time of steps."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._steps[name] = time.perf_counter() - started

    def seconds(self) -> dict[str, float]:
        return {**self._steps, "total": time.perf_counter() - self._started}
