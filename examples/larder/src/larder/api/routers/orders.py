"""Customers' orders."""

from collections import Counter

from fastapi import APIRouter, status

from larder.api.dependencies import SessionDep
from larder.api.schemas import OrderIn, OrderOut
from larder.db.models import Order
from larder.db.queries import find_shop
from larder.errors import NotFoundError
from larder.orders import place

router = APIRouter(prefix="/shops/{code}/orders", tags=["orders"])


@router.post("", status_code=status.HTTP_201_CREATED, response_model=OrderOut)
def place_order(session: SessionDep, code: str, order: OrderIn) -> Order:
    """Take an order, if everything on it is there."""
    wanted: Counter[str] = Counter()
    for line in order.lines:
        wanted[line.sku] += line.quantity
    return place(session, find_shop(session, code), order.email, wanted)


@router.get("/{number}", response_model=OrderOut)
def get_order(session: SessionDep, code: str, number: int) -> Order:
    """One order."""
    order = session.get(Order, number)
    if order is None or order.shop.code != code:
        raise NotFoundError("order", number)
    return order
