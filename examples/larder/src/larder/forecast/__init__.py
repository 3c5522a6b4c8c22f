"""Demand: what each shop will sell, and what to order for it."""

from larder.forecast.demand import Forecast, forecast
from larder.forecast.reorder import Proposal, proposals

__all__ = ["Forecast", "Proposal", "forecast", "proposals"]
