"""Where it is sold, what lies there, and what went out of the door."""

from datetime import date

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from larder.db.base import Base
from larder.db.models.catalogue import Product


class Shop(Base):
    """One shop; its size is relative to the first one's."""

    __tablename__ = "shop"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    size: Mapped[float]


class Stock(Base):
    """How much of a product a shop has."""

    __tablename__ = "stock"

    shop_id: Mapped[int] = mapped_column(ForeignKey("shop.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    quantity: Mapped[int]
    shop: Mapped[Shop] = relationship(lazy="joined")
    product: Mapped[Product] = relationship(lazy="joined")


class Sale(Base):
    """How much of a product a shop sold on a day."""

    __tablename__ = "sale"

    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shop.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    day: Mapped[date] = mapped_column(index=True)
    quantity: Mapped[int]
    shop: Mapped[Shop] = relationship()
    product: Mapped[Product] = relationship()
