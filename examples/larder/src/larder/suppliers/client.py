"""Talks to the suppliers' common service."""

from typing import Self

import httpx
from pydantic import BaseModel, TypeAdapter
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from larder.errors import SupplierError
from larder.forecast import Proposal
from larder.settings import Settings


class Offer(BaseModel):
    """What a supplier asks for a product, in the smallest coin."""

    sku: str
    price: int


OFFERS = TypeAdapter(list[Offer])


class SupplierClient:
    """One connection pool to the service; use it as a context manager."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=str(settings.supplier_url),
            timeout=settings.supplier_timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @retry(
        retry=retry_if_exception_type(httpx.TransportError),
        stop=stop_after_attempt(3),
        wait=wait_exponential_jitter(multiplier=0.1, max=2),
        reraise=True,
    )
    def _send(self, request: httpx.Request) -> httpx.Response:
        return self._http.send(request).raise_for_status()

    def offers(self, supplier: str) -> list[Offer]:
        """A supplier's price list."""
        request = self._http.build_request("GET", f"suppliers/{supplier}/offers")
        try:
            return OFFERS.validate_json(self._send(request).content)
        except (httpx.HTTPError, ValueError) as error:
            raise SupplierError(f'offers of "{supplier}": {error}') from error

    def order(self, supplier: str, wanted: list[Proposal]) -> str:
        """Order at a supplier; the supplier's reference."""
        body = [{"sku": line.sku, "quantity": line.quantity, "to": line.shop} for line in wanted]
        request = self._http.build_request("POST", f"suppliers/{supplier}/orders", json=body)
        try:
            return str(self._send(request).json()["reference"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SupplierError(f'order at "{supplier}": {error}') from error
