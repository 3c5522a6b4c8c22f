"""What customers order ahead."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from larder.db.base import Base
from larder.db.models.catalogue import Product
from larder.db.models.shops import Shop


class OrderLine(Base):
    """So many of one product, at the price of that day."""

    __tablename__ = "order_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    quantity: Mapped[int]
    price: Mapped[int]
    product: Mapped[Product] = relationship(lazy="joined")


class Order(Base):
    """One customer's order at one shop."""

    __tablename__ = "customer_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shop.id"))
    email: Mapped[str] = mapped_column(String(120))
    placed_at: Mapped[datetime]
    shop: Mapped[Shop] = relationship(lazy="joined")
    lines: Mapped[list[OrderLine]] = relationship(lazy="selectin")

    @property
    def total(self) -> int:
        """What the customer pays, in the smallest coin."""
        return sum(line.quantity * line.price for line in self.lines)
