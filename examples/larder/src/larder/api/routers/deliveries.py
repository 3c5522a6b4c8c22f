"""Deliveries: stock goes up."""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, UploadFile, status
from fastapi import File as Upload

from larder.api.dependencies import PersonDep, SessionDep
from larder.api.schemas import StockIn
from larder.db.models import Stock
from larder.db.queries import find_product, find_shop

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


@router.post("", status_code=status.HTTP_201_CREATED)
def take(session: SessionDep, person: PersonDep, lines: list[StockIn]) -> dict[str, int]:
    """Add a delivery to the stock of the person's shop."""
    shop = find_shop(session, person.shop)
    for line in lines:
        product = find_product(session, line.sku)
        stock = session.get(Stock, (shop.id, product.id))
        if stock is None:
            session.add(Stock(shop=shop, product=product, quantity=line.quantity))
        else:
            stock.quantity += line.quantity
    session.commit()
    return {"lines": len(lines)}


@router.post("/csv", status_code=status.HTTP_201_CREATED)
def take_csv(session: SessionDep, person: PersonDep, file: Annotated[UploadFile, Upload()]) -> dict[str, int]:
    """The same from a file with the columns sku and quantity."""
    rows = csv.DictReader(io.TextIOWrapper(file.file, encoding="utf-8", newline=""))
    return take(session, person, [StockIn.model_validate(row) for row in rows])
