"""What goes in and out of the API."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, EmailStr, Field


class FromRow(BaseModel):
    """A schema that is read from a row of the database."""

    model_config = ConfigDict(from_attributes=True)


class ProductOut(FromRow):
    """A product."""

    sku: str
    name: str
    price: int


class ShopOut(FromRow):
    """A shop."""

    code: str
    name: str


class StockOut(FromRow):
    """What lies in a shop."""

    product: ProductOut
    quantity: int


class StockIn(BaseModel):
    """A delivery."""

    sku: str
    quantity: int = Field(gt=0, le=10_000)


class LineIn(BaseModel):
    """One line of an order."""

    sku: str
    quantity: int = Field(gt=0, le=100)


class OrderIn(BaseModel):
    """An order."""

    email: EmailStr
    lines: list[LineIn] = Field(min_length=1, max_length=50)


class OrderOut(FromRow):
    """An order that was taken."""

    id: int
    email: str
    placed_at: datetime
    total: int
