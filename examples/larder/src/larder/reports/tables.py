"""Sales summed up."""

import pandas as pd


def weekly(sales: pd.DataFrame) -> pd.DataFrame:
    """Turnover per shop and week, the newest week first."""
    priced = sales.assign(turnover=sales["quantity"] * sales["price"])
    grouped = priced.groupby(["shop", pd.Grouper(key="day", freq="W-SUN")])["turnover"].sum()
    return grouped.unstack("shop").sort_index(ascending=False)


def best_sellers(sales: pd.DataFrame, *, count: int = 5) -> pd.DataFrame:
    """The SKUs with the largest turnover, and their share of it."""
    turnover = (sales["quantity"] * sales["price"]).groupby(sales["sku"]).sum()
    table = pd.DataFrame({"turnover": turnover, "share": turnover / turnover.sum()})
    return table.nlargest(count, "turnover")
