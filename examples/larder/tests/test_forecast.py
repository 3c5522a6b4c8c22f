import pandas as pd
import pytest

from larder.errors import TooLittleHistoryError
from larder.forecast import forecast, proposals


def test_a_forecast_is_about_as_large_as_the_past(sales: pd.DataFrame) -> None:
    found = forecast(sales, days=14)
    past = sales[sales["day"] > sales["day"].max() - pd.Timedelta(days=14)]
    assert found.table["quantity"].sum() == pytest.approx(past["quantity"].sum(), rel=0.25)
    assert found.accuracy.r2 > 0.5


def test_a_forecast_needs_history(sales: pd.DataFrame) -> None:
    with pytest.raises(TooLittleHistoryError):
        forecast(sales[sales["day"] > "2024-05-01"], days=7)


def test_what_lies_in_the_shop_is_not_ordered() -> None:
    days = pd.date_range("2024-06-01", periods=8)
    coming = pd.DataFrame({"shop": "quay", "sku": "A", "day": days, "quantity": 10.0, "spread": 1.0})
    (one,) = proposals(coming, {("quay", "A"): 30}, {"A": 1}, service_level=0.95)
    assert one.expected == 80
    assert 50 < one.quantity < 60
    assert not proposals(coming, {("quay", "A"): 100}, {"A": 1}, service_level=0.95)
