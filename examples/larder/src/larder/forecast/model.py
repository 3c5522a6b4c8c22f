"""The model: boosted trees on log demand."""

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from larder.forecast.features import COLUMNS


def make_model(*, seed: int = 0) -> TransformedTargetRegressor:
    """A model that has not learnt yet; the same seed learns the same."""
    trees = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.12, max_leaf_nodes=24, random_state=seed
    )
    pipeline: Pipeline = make_pipeline(FunctionTransformer(_select), trees)
    return TransformedTargetRegressor(pipeline, func=np.log1p, inverse_func=np.expm1)


def _select(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[COLUMNS]
