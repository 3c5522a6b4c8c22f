"""How wrong a forecast is, measured on days the model has not seen."""

import numpy as np
import pandas as pd
from pydantic import BaseModel
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import TimeSeriesSplit

from larder.forecast.model import make_model


class Accuracy(BaseModel):
    """Mean absolute error in pieces a day, and the share of the variance that is explained."""

    mean_absolute_error: float
    r2: float


def evaluate(table: pd.DataFrame, *, splits: int = 3) -> Accuracy:
    """Train on the past and predict the future, `splits` times."""
    days = np.sort(table["day"].unique())
    errors, explained = [], []
    for past, future in TimeSeriesSplit(splits, test_size=14).split(days):
        train = table[table["day"].isin(days[past])]
        test = table[table["day"].isin(days[future])]
        predicted = make_model().fit(train, train["quantity"]).predict(test)
        errors.append(mean_absolute_error(test["quantity"], predicted))
        explained.append(r2_score(test["quantity"], predicted))
    return Accuracy(mean_absolute_error=float(np.mean(errors)), r2=float(np.mean(explained)))
