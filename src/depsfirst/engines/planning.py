"""From an order to a plan: the project's settings, and defaults where neither says anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.plan import PLATFORMS, Plan, image_reference
from depsfirst.project.model import MAIN
from depsfirst.settings import TABLE, read_settings

if TYPE_CHECKING:
    from depsfirst.content import ContentStore
    from depsfirst.plan import Order
    from depsfirst.project.model import Project

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def make_plan(order: Order, project: Project, store: ContentStore) -> Plan:
    """What to build for an order.

    Raises:
        DepsfirstError: the settings are wrong, or nothing says what has no default.
    """
    settings = read_settings(project.settings, "pyproject.toml")
    settings = settings._replace(packages=(*settings.packages, *order.system))
    platform = order.platform or settings.platform or _this_platform()
    if platform not in PLATFORMS:
        raise DepsfirstError(
            f'the platform "{platform}" is not supported',
            where=f"pyproject.toml: {TABLE}.platform" if settings.platform and not order.platform else None,
            hint=f"choose {' or '.join(PLATFORMS)}",
        )
    return Plan(
        project=project,
        settings=settings,
        base=order.base or settings.base or _default_base(project, store),
        platform=platform,
        groups=frozenset({MAIN, *settings.groups, *order.groups}),
        extras=frozenset({*settings.extras, *order.extras}),
        reference=image_reference(order.reference, project, settings),
        index_url=order.index_url or settings.index_url,
    )


def _this_platform() -> str:
    machine = os.uname().machine
    return f"linux/{_MACHINES.get(machine.lower(), machine)}"


def _default_base(project: Project, store: ContentStore) -> str:
    """The newest Debian suite whose Python the project allows; remembered, since deciding takes an import."""
    key = f"{project.requires_python or ''} {project.python_version or ''}".encode().hex()[:200]
    known = store.recall("default-bases", key)
    if known is None:
        known = _newest_suite(project)
        store.remember("default-bases", key, known)
    return f"deb:{known}"


def _newest_suite(project: Project) -> str:
    from depsfirst.debian.pythons import PYTHONS
    from depsfirst.project.markers import admits

    wanted = project.python_version
    for suite, python in PYTHONS.items():
        named = wanted is None or wanted == python or wanted.startswith(f"{python}.")
        if named and admits(project.requires_python, f"{python}.5"):
            return suite
    raise DepsfirstError(
        f"no Debian suite has a Python that fits (requires-python {project.requires_python or 'not set'},"
        f" .python-version {wanted or 'not set'})",
        where=str(project.manifest or project.root),
        hint="name a base that has it: --base oci:DIR or docker-archive:FILE, or [tool.depsfirst] base",
    )
