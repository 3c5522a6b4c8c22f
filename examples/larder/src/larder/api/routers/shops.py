"""Shops and what lies in them."""

from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select

from larder.api.dependencies import SessionDep
from larder.api.schemas import ShopOut, StockOut
from larder.db.models import Shop, Stock
from larder.db.queries import find_shop, stock_of

router = APIRouter(prefix="/shops", tags=["shops"])


@router.get("", response_model=list[ShopOut])
def list_shops(session: SessionDep) -> Sequence[Shop]:
    """All shops."""
    return session.scalars(select(Shop).order_by(Shop.code)).all()


@router.get("/{code}/stock", response_model=list[StockOut])
def get_stock(session: SessionDep, code: str) -> Sequence[Stock]:
    """What lies in a shop."""
    return stock_of(session, find_shop(session, code))
