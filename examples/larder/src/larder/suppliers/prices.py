"""Price lists, kept for an hour: suppliers change them once a day."""

from threading import Lock

from cachetools import TTLCache, cached

from larder.settings import get_settings
from larder.suppliers.client import Offer, SupplierClient

_KEPT: TTLCache[tuple[str, ...], list[Offer]] = TTLCache(maxsize=64, ttl=3600)


@cached(_KEPT, lock=Lock())
def current_offers(supplier: str) -> list[Offer]:
    """A supplier's price list, at most an hour old."""
    with SupplierClient(get_settings()) as client:
        return client.offers(supplier)
