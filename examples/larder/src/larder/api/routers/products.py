"""What is sold."""

from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select

from larder.api.dependencies import SessionDep
from larder.api.schemas import ProductOut
from larder.db.models import Product
from larder.db.queries import find_product

router = APIRouter(prefix="/products", tags=["products"])


@router.get("", response_model=list[ProductOut])
def list_products(session: SessionDep) -> Sequence[Product]:
    """All products by SKU."""
    return session.scalars(select(Product).order_by(Product.sku)).all()


@router.get("/{sku}", response_model=ProductOut)
def get_product(session: SessionDep, sku: str) -> Product:
    """One product."""
    return find_product(session, sku)
