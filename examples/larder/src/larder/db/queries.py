"""The questions that several rooms ask of the database."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from larder.db.models import Product, Sale, Shop, Stock
from larder.errors import NotFoundError


def find_product(session: Session, sku: str) -> Product:
    """The product of this SKU."""
    product = session.scalars(select(Product).where(Product.sku == sku)).one_or_none()
    if product is None:
        raise NotFoundError("product", sku)
    return product


def find_shop(session: Session, code: str) -> Shop:
    """The shop of this code."""
    shop = session.scalars(select(Shop).where(Shop.code == code)).one_or_none()
    if shop is None:
        raise NotFoundError("shop", code)
    return shop


def stock_of(session: Session, shop: Shop) -> Sequence[Stock]:
    """All that lies in a shop, by SKU."""
    query = select(Stock).join(Product).where(Stock.shop_id == shop.id).order_by(Product.sku)
    return session.scalars(query).all()


def sales_frame(session: Session, *, since: date | None = None) -> pd.DataFrame:
    """Daily sales with the columns shop, sku, day, quantity and price."""
    query = (
        select(Shop.code.label("shop"), Product.sku, Sale.day, Sale.quantity, Product.price)
        .join(Sale.shop)
        .join(Sale.product)
        .order_by(Shop.code, Product.sku, Sale.day)
    )
    if since is not None:
        query = query.where(Sale.day >= since)
    rows = session.execute(query).all()
    frame = pd.DataFrame.from_records(rows, columns=["shop", "sku", "day", "quantity", "price"])
    return frame.assign(day=pd.to_datetime(frame["day"]))


def last_day(session: Session) -> date | None:
    """The last day with sales."""
    return session.scalar(select(func.max(Sale.day)))
