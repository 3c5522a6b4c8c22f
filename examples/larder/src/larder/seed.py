"""Fills an empty database with the chain's products, shops and a year of believable sales."""

import json
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from larder.db.models import Product, Sale, Shop, Stock, Supplier

WEEKDAY = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.45, 0.65])


def catalogue() -> dict[str, Any]:
    """The chain's products, shops and suppliers, as the package carries them."""
    text = files("larder").joinpath("data", "catalogue.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def fill(session: Session, *, until: date, days: int = 365, seed: int = 7) -> int:
    """Add everything; the number of sales. The same seed gives the same history."""
    listed = catalogue()
    suppliers = {entry["code"]: Supplier(**entry) for entry in listed["suppliers"]}
    shops = [Shop(**entry) for entry in listed["shops"]]
    products = [Product(supplier=suppliers[entry.pop("supplier")], **entry) for entry in listed["products"]]
    session.add_all([*suppliers.values(), *shops, *products])
    session.add_all(Stock(shop=shop, product=product, quantity=60) for shop in shops for product in products)
    random = np.random.default_rng(seed)
    sales = [
        Sale(shop=shop, product=product, day=day, quantity=quantity)
        for shop in shops
        for product in products
        for day, quantity in _history(random, product, shop, until, days)
    ]
    session.add_all(sales)
    session.commit()
    return len(sales)


def _history(
    random: np.random.Generator, product: Product, shop: Shop, until: date, days: int
) -> list[tuple[date, int]]:
    first = until - timedelta(days=days)
    dates = [first + timedelta(days=offset) for offset in range(days)]
    season = 1 + product.seasonality * np.sin(
        2 * np.pi * np.array([day.timetuple().tm_yday for day in dates]) / 365.25
    )
    week = WEEKDAY[[day.weekday() for day in dates]]
    mean = product.daily_demand * shop.size * season * week
    return [(day, int(sold)) for day, sold in zip(dates, random.poisson(mean), strict=True)]
