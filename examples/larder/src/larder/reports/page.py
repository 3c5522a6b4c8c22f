"""The weekly report as a page."""

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from larder import __version__
from larder.reports.tables import best_sellers, weekly

ENVIRONMENT = Environment(
    loader=PackageLoader("larder.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def money(amount: float) -> str:
    """An amount of the smallest coin, for people."""
    return f"{amount / 100:,.2f}"


ENVIRONMENT.filters["money"] = money


def render(sales: pd.DataFrame) -> str:
    """The page of these sales."""
    template = ENVIRONMENT.get_template("weekly.html")
    table = weekly(sales).head(8)
    return template.render(
        shops=list(table.columns),
        weeks=[(week.date(), row.to_list()) for week, row in table.iterrows()],
        best=best_sellers(sales).reset_index().to_dict("records"),
        version=__version__,
    )
