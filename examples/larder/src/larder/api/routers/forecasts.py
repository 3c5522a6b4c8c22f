"""What will be sold, and what to order for it."""

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from larder.api.dependencies import PersonDep, SessionDep, SettingsDep
from larder.api.responses import NumbersResponse
from larder.db.models import Product, Stock
from larder.db.queries import sales_frame
from larder.forecast import Proposal, forecast, proposals

router = APIRouter(tags=["forecasts"])


@router.get("/forecast")
def get_forecast(session: SessionDep, days: int = Query(7, ge=1, le=60)) -> Response:
    """Expected sales by shop, SKU and day."""
    found = forecast(sales_frame(session), days=days)
    rows = found.table.assign(day=found.table["day"].dt.date)[["shop", "sku", "day", "quantity"]]
    return NumbersResponse({"accuracy": found.accuracy.model_dump(), "days": rows.to_dict("records")})


@router.get("/proposals")
def get_proposals(session: SessionDep, person: PersonDep, settings: SettingsDep) -> list[Proposal]:
    """What the person's shop should order today."""
    found = forecast(sales_frame(session), days=settings.forecast_days)
    coming = found.table[found.table["shop"] == person.shop]
    stock = {(row.shop.code, row.product.sku): row.quantity for row in session.scalars(select(Stock))}
    lead_days = {product.sku: product.supplier.lead_days for product in session.scalars(select(Product))}
    return proposals(coming, stock, lead_days, service_level=settings.service_level)
