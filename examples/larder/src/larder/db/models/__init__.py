"""The tables, one module per matter."""

from larder.db.base import Base
from larder.db.models.catalogue import Product, Supplier
from larder.db.models.orders import Order, OrderLine
from larder.db.models.shops import Sale, Shop, Stock

__all__ = ["Base", "Order", "OrderLine", "Product", "Sale", "Shop", "Stock", "Supplier"]
