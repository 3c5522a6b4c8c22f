"""From daily sales to what will be sold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from larder.errors import TooLittleHistoryError
from larder.forecast.evaluation import Accuracy, evaluate
from larder.forecast.features import LAGS, features
from larder.forecast.model import make_model
from larder.metrics import FORECAST_SECONDS

NEEDED_DAYS = 90


@dataclass(frozen=True)
class Forecast:
    """`table` has a row per shop, SKU and coming day with the expected `quantity` and its `spread`."""

    table: pd.DataFrame
    accuracy: Accuracy


@FORECAST_SECONDS.time()
def forecast(sales: pd.DataFrame, *, days: int) -> Forecast:
    """Expected sales of the `days` after the last one of `sales`.

    Days are predicted a week at a time, as the shortest lag is one week: each week's prediction
    is the next one's history.
    """
    known = sales["day"].nunique()
    if known < NEEDED_DAYS:
        raise TooLittleHistoryError(known, NEEDED_DAYS)
    table = features(sales)
    model = make_model().fit(table, table["quantity"])
    residual = table["quantity"] - model.predict(table)
    spread = residual.groupby([table["shop"], table["sku"]]).std().rename("spread")
    history, first = sales, sales["day"].max() + pd.Timedelta(days=1)
    for start in range(0, days, min(LAGS)):
        length = min(min(LAGS), days - start)
        week = pd.date_range(first + pd.Timedelta(days=start), periods=length)
        history = _extend(history, week, model)
    coming = history[history["day"] >= first].join(spread, on=["shop", "sku"])
    return Forecast(coming.reset_index(drop=True), evaluate(table))


def _extend(history: pd.DataFrame, days: pd.DatetimeIndex, model: object) -> pd.DataFrame:
    """The history with predictions for these days at its end."""
    wanted = history[["shop", "sku", "price"]].drop_duplicates(["shop", "sku"])
    blank = wanted.merge(pd.DataFrame({"day": days}), how="cross").assign(quantity=np.nan)
    both = pd.concat([history, blank], ignore_index=True)
    both = both.sort_values(["shop", "sku", "day"], ignore_index=True)
    table = features(both)
    rows = table.index[table["quantity"].isna()]
    both.loc[rows, "quantity"] = model.predict(table.loc[rows])  # type: ignore[attr-defined]
    return both
