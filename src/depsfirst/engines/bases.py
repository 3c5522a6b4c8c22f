"""Finds the base of an image and what it offers: ``deb:SUITE``, ``oci:DIR`` or ``docker-archive:FILE``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.bases.facts import choose, target_tags
from depsfirst.bases.inspect import inspect_base
from depsfirst.engines.local_bases import local_base
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import LAYER, Blob, Descriptor, FileSlice, Image, Layer
from depsfirst.values import NamedTuple
from depsfirst.wheels.install import Venv

if TYPE_CHECKING:
    from packaging.tags import Tag

    from depsfirst.bases.facts import BaseFacts, Interpreter
    from depsfirst.content import ContentStore
    from depsfirst.engines.tools import Tools
    from depsfirst.plan import Plan

_DEB = "deb:"
_BASES = "bases"
_FRESH = "fresh-bases"


class Base(NamedTuple):
    """A base, and the interpreter of it that the image will use.

    Attributes:
        name: as it was asked for.
        image: its layers and configuration.
        facts: what is in it.
        python: the chosen interpreter.
    """

    name: str
    image: Image
    facts: BaseFacts
    python: Interpreter

    @property
    def venv(self) -> Venv:
        """The environment for its interpreter."""
        return Venv(self.python.version[:2])

    @property
    def libc(self) -> str:
        """Its C library for people, as ``glibc 2.41``."""
        return f"{self.facts.libc.kind} {'.'.join(str(part) for part in self.facts.libc.version)}"

    @property
    def title(self) -> str:
        """What wheels must fit, for people."""
        return f"linux/{self.facts.architecture} with Python {self.python.full_version} and {self.libc}"

    @property
    def key(self) -> str:
        """The sha256 of all that decides which wheels fit and where they go."""
        words = [self.title, self.python.path, str(self.python.free_threaded), *self.python.stdlib]
        return digests.sha256("\n".join(words).encode()).hexdigest()

    def tags(self) -> tuple[Tag, ...]:
        """The tags of wheels that fit, best first."""
        return target_tags(self.facts, self.python)


def resolve_base(plan: Plan, tools: Tools, *, refresh: bool) -> Base:
    """The base of a plan, with the interpreter that the project is to use.

    Args:
        plan: names the base.
        tools: cache, network and watcher.
        refresh: whether to ask a Debian mirror again.

    Raises:
        DepsfirstError: there is no such base, it has no Python, or none that the project allows.
    """
    if plan.base.startswith(_DEB):
        image = _debian(plan, tools, refresh=refresh)
        facts = inspect_base(image, tools.store, plan.base)
    elif plan.settings.packages:
        raise DepsfirstError(
            f'Debian packages ({", ".join(plan.settings.packages)}) cannot be added to "{plan.base}"',
            hint="choose a base deb:SUITE, or one that has them, or build with --engine docker, podman or buildkit",
        )
    else:
        image, verified = local_base(plan.base, plan.platform, tools.store)
        facts = inspect_base(image, tools.store, plan.base, verified)
    return Base(plan.base, image, facts, _interpreter(facts, plan, tools.store))


def _debian(plan: Plan, tools: Tools, *, refresh: bool) -> Image:
    layer = None if refresh else _fresh(plan, tools.store)
    if layer is None:
        layer = _built(plan, tools, refresh=refresh)
    config = {"architecture": plan.platform.partition("/")[2], "os": "linux", "config": {"Env": ["LANG=C.UTF-8"]}}
    return Image(config, (layer,))


def _built(plan: Plan, tools: Tools, *, refresh: bool) -> Layer:
    from depsfirst.debian.base import build_base

    base = build_base(
        plan.base.removeprefix(_DEB),
        platform=plan.platform,
        store=tools.store,
        fetcher=tools.fetcher,
        packages=plan.settings.packages,
        mirror=plan.settings.mirror,
        keyring=plan.project.root / plan.settings.keyring if plan.settings.keyring else None,
        progress=tools.progress,
        refresh=refresh,
    )
    for note in base.notes:
        tools.progress.warn(note)
    for name, reason in base.left_out:
        tools.progress.note(f'"{name}" is not in the base: {reason}')
    (piece,) = base.layer.blob.pieces
    if isinstance(piece, FileSlice):
        descriptor = base.layer.blob.descriptor
        fact = [base.until, piece.path.name, base.layer.title, descriptor.digest, descriptor.size]
        tools.store.remember(_FRESH, _asked(plan), fact)
    return base.layer


def _fresh(plan: Plan, store: ContentStore) -> Layer | None:
    """The layer of the same base, if the mirror was asked lately: nothing of Debian is read or imported for it."""
    known = store.recall(_FRESH, _asked(plan))
    if known is None or known[0] < time.time():
        return None
    _, key, title, diff_id, size = known
    path = store.find(_BASES, key)
    if path is None:
        return None
    return Layer(
        diff_id, Blob(Descriptor(LAYER, diff_id, size), (FileSlice(path, 0, size),)), "base", title, reused=True
    )


def _asked(plan: Plan) -> str:
    """Names all that a person can say about a Debian base."""
    mirror = [plan.settings.mirror, plan.settings.keyring, os.environ.get("DEPSFIRST_DEBIAN_MIRROR")]
    return digests.sha256(repr([plan.base, plan.platform, plan.settings.packages, mirror]).encode()).hexdigest()


def _interpreter(facts: BaseFacts, plan: Plan, store: ContentStore) -> Interpreter:
    """The interpreter that the project allows; remembered, since judging a version takes a slow import."""
    wanted = plan.project.requires_python
    if not wanted:
        return facts.interpreters[0]
    versions = " ".join(f"{python.full_version} {python.path}" for python in facts.interpreters)
    key = digests.sha256(f"{wanted}\n{versions}".encode()).hexdigest()
    known: int | None = store.recall("interpreters", key)
    if known is None:
        known = facts.interpreters.index(choose(facts, wanted, plan.base))
        store.remember("interpreters", key, known)
    return facts.interpreters[known]
