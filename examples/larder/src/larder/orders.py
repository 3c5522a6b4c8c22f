"""Taking orders: stock goes down, or nothing happens at all."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from larder.clock import now
from larder.db.models import Order, OrderLine, Shop, Stock
from larder.db.queries import find_product
from larder.errors import OutOfStockError
from larder.metrics import ORDERS, REJECTED


def place(session: Session, shop: Shop, email: str, wanted: Mapping[str, int]) -> Order:
    """Take an order of SKUs and quantities."""
    order = Order(shop=shop, email=email, placed_at=now().replace(tzinfo=None), lines=[])
    for sku, quantity in sorted(wanted.items()):
        product = find_product(session, sku)
        stock = session.get(Stock, (shop.id, product.id))
        available = stock.quantity if stock else 0
        if stock is None or available < quantity:
            REJECTED.labels(shop.code).inc()
            session.rollback()
            raise OutOfStockError(sku, quantity, available)
        stock.quantity -= quantity
        order.lines.append(OrderLine(product=product, quantity=quantity, price=product.price))
    session.add(order)
    session.commit()
    ORDERS.labels(shop.code).inc()
    return order
