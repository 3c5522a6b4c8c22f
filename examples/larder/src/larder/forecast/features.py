"""Columns a model learns from: the calendar, and what was sold one to four weeks before."""

import numpy as np
import pandas as pd

LAGS = (7, 14, 21, 28)
COLUMNS = [
    "weekday",
    "is_weekend",
    "year_sin",
    "year_cos",
    "price",
    "weekly_mean",
    *(f"lag_{lag}" for lag in LAGS),
]


def calendar(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns of its `day`."""
    day = frame["day"].dt
    angle = 2 * np.pi * day.day_of_year / 365.25
    return frame.assign(
        weekday=day.day_of_week,
        is_weekend=(day.day_of_week >= 5).astype(int),
        year_sin=np.sin(angle),
        year_cos=np.cos(angle),
    )


def lagged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with earlier quantities of the same shop and SKU; its rows are sorted by day."""
    series = frame.groupby(["shop", "sku"], sort=False)["quantity"]
    columns = {f"lag_{lag}": series.shift(lag) for lag in LAGS}
    frame = frame.assign(**columns)
    return frame.assign(weekly_mean=frame[list(columns)].mean(axis="columns"))


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """All columns, for rows that have them."""
    return lagged(calendar(frame)).dropna(subset=COLUMNS)
