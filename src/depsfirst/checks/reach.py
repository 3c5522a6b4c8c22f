"""What becomes of a step when others run again, as far as the chain of its keys tells without a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.keys import ResultContent
from depsfirst.cache.model import Status

if TYPE_CHECKING:
    from depsfirst.cache.keys import Key


def reached(key: Key, edited: frozenset[int]) -> Status:
    """What becomes of a step if the steps with these keys run again, as far as its own chain tells."""
    if not edited:
        return Status.CACHED
    status = Status.CACHED
    for each in key.chain():
        if id(each) in edited:
            return Status.UNKNOWN if status is Status.UNKNOWN or each.loose else Status.RERUNS
        if each.loose or each.others or _reads_edited(each, edited):
            status = Status.UNKNOWN
    return status


def _reads_edited(key: Key, edited: frozenset[int]) -> bool:
    """Whether a step reads something of another stage that is behind an edited step."""
    sources = [content.key for content in key.contents if isinstance(content, ResultContent)]
    return any(reached(source, edited) is not Status.CACHED for source in sources)
