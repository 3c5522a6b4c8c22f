"""From a request to the packages to install, as the mirror has them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.debian.closure import close
from depsfirst.debian.index import Indexes
from depsfirst.debian.model import Resolution
from depsfirst.debian.policy import NEEDLESS, ROOTS
from depsfirst.debian.signature import read_keyring
from depsfirst.debian.suites import Archives

if TYPE_CHECKING:
    from depsfirst.debian.model import Request, Tools


def resolve(request: Request, tools: Tools) -> Resolution:
    """Ask the mirror for its indexes, and choose.

    Raises:
        UnreachableError: the mirror does not answer.
        DepsfirstError: see :class:`Archives` and :func:`close`.
    """
    archives = Archives(request.mirror, read_keyring(request.keyring), tools)
    suites = archives.suites(request.suite, request.architecture)
    with Indexes(suites.databases) as indexes:
        closure = close(ROOTS, request.packages, indexes, NEEDLESS)
    return Resolution(suites.codename, closure.packages, tuple(closure.left_out.items()), suites.notes)
