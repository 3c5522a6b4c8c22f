"""Tries everything once, in memory: what an operator runs in a new image before it serves."""

import platform
import sys
from datetime import date

import httpx
import pandas as pd
import sklearn
import sqlalchemy

from larder.about import introduction
from larder.db.models import Shop
from larder.db.queries import sales_frame, stock_of
from larder.db.session import MEMORY, session_for
from larder.db.upgrade import upgrade
from larder.forecast import forecast
from larder.orders import place
from larder.reports.page import render
from larder.reports.workbook import workbook
from larder.security import Person, check, issue
from larder.seed import fill
from larder.settings import Settings
from larder.suppliers.client import SupplierClient


def selfcheck() -> list[str]:
    """What was tried and what came of it, a line each."""
    settings = Settings(database_url=MEMORY)
    lines = [f"Python {platform.python_version()} on {sys.platform}"]
    lines.append(
        f"pandas {pd.__version__}, scikit-learn {sklearn.__version__}, SQLAlchemy {sqlalchemy.__version__}"
    )
    lines.append(f"schema at revision {upgrade(settings.database_url)}")
    with session_for(settings.database_url) as session:
        lines.append(f"{fill(session, until=date(2024, 6, 1), days=180)} sales in the ledger")
        shop = session.query(Shop).filter_by(code="quay").one()
        order = place(session, shop, "ada@larder.example.com", {"BRD-RYE": 2, "MLK-1LT": 1})
        lines.append(f"order of {order.total} taken, {len(stock_of(session, shop))} products in stock")
        sales = sales_frame(session)
    found = forecast(sales, days=7)
    lines.append(
        f"{found.table['quantity'].sum():.0f} pieces expected in 7 days, "
        f"mean absolute error {found.accuracy.mean_absolute_error:.2f}, r2 {found.accuracy.r2:.2f}"
    )
    lines.append(f"report of {len(render(sales))} characters, workbook of {len(workbook(sales)) // 1024} KiB")
    person = check(issue(Person(name="ada", shop="quay"), settings), settings)
    lines.append(f"token of {person.name} holds")
    with SupplierClient(settings, httpx.MockTransport(_offers)) as client:
        lines.append(f"{len(client.offers('MILL'))} offers of MILL read")
    return [*lines, introduction()]


def _offers(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[{"sku": "BRD-RYE", "price": 210}, {"sku": "BRD-WHT", "price": 150}])
