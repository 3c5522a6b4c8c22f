import asyncio
from typing import Any

import httpx
import pytest

from larder.api.app import create
from larder.security import Person, issue
from larder.settings import Settings, get_settings


@pytest.fixture
def settings(url: str) -> Settings:
    return Settings(database_url=url)


@pytest.fixture
def ask(settings: Settings) -> Any:
    app = create()
    app.dependency_overrides[get_settings] = lambda: settings
    token = issue(Person(name="ada", shop="hill"), settings)

    async def send(method: str, path: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://larder.example") as client:
            return await client.request(method, path, **arguments)

    def ask(method: str, path: str, *, known: bool = True, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if known else {}
        return asyncio.run(send(method, path, headers=headers, **arguments))

    return ask


def test_health(ask: Any) -> None:
    assert ask("GET", "/health").json()["status"] == "ok"


def test_products(ask: Any) -> None:
    assert len(ask("GET", "/products").json()) == 10
    assert ask("GET", "/products/BRD-RYE").json()["name"] == "Rye bread"
    assert ask("GET", "/products/NO-SUCH").status_code == 404


def test_an_order_takes_stock_and_an_impossible_one_does_not(ask: Any) -> None:
    def stock() -> dict[str, int]:
        listed = ask("GET", "/shops/quay/stock").json()
        return {line["product"]["sku"]: line["quantity"] for line in listed}

    before = stock()
    body = {"email": "bo@larder.example.com", "lines": [{"sku": "CHS-CHD", "quantity": 2}]}
    taken = ask("POST", "/shops/quay/orders", json=body)
    assert taken.status_code == 201
    assert taken.json()["total"] == 1020
    assert ask("GET", f"/shops/quay/orders/{taken.json()['id']}").status_code == 200
    assert stock() == before | {"CHS-CHD": before["CHS-CHD"] - 2}

    body["lines"] = [{"sku": "BUN-CUR", "quantity": 1}, {"sku": "CHS-CHD", "quantity": 99}]
    after = stock()
    assert ask("POST", "/shops/quay/orders", json=body).status_code == 409
    assert stock() == after


def test_deliveries_need_a_token_and_add_up(ask: Any) -> None:
    assert ask("POST", "/deliveries", known=False, json=[]).status_code in {401, 403}
    assert ask("POST", "/deliveries", json=[{"sku": "LET-COS", "quantity": 5}]).status_code == 201
    file = {"file": ("delivery.csv", b"sku,quantity\nLET-COS,5\nAPP-RED,7\n")}
    assert ask("POST", "/deliveries/csv", files=file).json() == {"lines": 2}


def test_forecasts_and_proposals(ask: Any) -> None:
    found = ask("GET", "/forecast", params={"days": 3}).json()
    assert len(found["days"]) == 2 * 10 * 3
    proposals = ask("GET", "/proposals").json()
    assert {proposal["shop"] for proposal in proposals} == {"hill"}


def test_reports(ask: Any) -> None:
    page = ask("GET", "/reports/weekly")
    assert "<h1>Weekly turnover</h1>" in page.text
    assert ask("GET", "/reports/weekly.xlsx").content.startswith(b"PK")
