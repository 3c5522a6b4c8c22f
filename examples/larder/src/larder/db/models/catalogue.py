"""What is sold, and who delivers it."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from larder.db.base import Base


class Supplier(Base):
    """Somebody who delivers, `lead_days` after an order."""

    __tablename__ = "supplier"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    lead_days: Mapped[int]
    products: Mapped[list["Product"]] = relationship(back_populates="supplier")


class Product(Base):
    """Something sold; its price in the smallest coin."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    price: Mapped[int]
    daily_demand: Mapped[float]
    seasonality: Mapped[float]
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    supplier: Mapped[Supplier] = relationship(back_populates="products", lazy="joined")
