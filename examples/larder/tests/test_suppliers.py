import httpx
import pytest

from larder.errors import SupplierError
from larder.forecast import Proposal
from larder.settings import Settings
from larder.suppliers.client import SupplierClient

WANTED = [Proposal(shop="quay", sku="BRD-RYE", quantity=12, expected=10, safety=2)]


def client(*answers: httpx.Response | Exception) -> SupplierClient:
    left = list(answers)

    def answer(_request: httpx.Request) -> httpx.Response:
        given = left.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return SupplierClient(Settings(), httpx.MockTransport(answer))


def test_a_broken_connection_is_tried_again() -> None:
    with client(httpx.ConnectError("broken"), httpx.Response(201, json={"reference": "R7"})) as service:
        assert service.order("MILL", WANTED) == "R7"


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200, text="[{}]")])
def test_a_bad_answer_is_an_error(answer: httpx.Response) -> None:
    with client(answer) as service, pytest.raises(SupplierError):
        service.offers("MILL")
