"""How much to order, so that a shop runs out no more often than it wants to."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pydantic import BaseModel
from scipy.stats import norm


class Proposal(BaseModel):
    """Order so many of this product for this shop."""

    shop: str
    sku: str
    quantity: int
    expected: float
    safety: float


def proposals(
    coming: pd.DataFrame,
    stock: Mapping[tuple[str, str], int],
    lead_days: Mapping[str, int],
    *,
    service_level: float,
) -> list[Proposal]:
    """A proposal for each shop and SKU whose stock does not last until the next delivery but one."""
    factor = float(norm.ppf(service_level))
    found = []
    for (shop, sku), rows in coming.groupby(["shop", "sku"]):
        covered = rows.sort_values("day").head(lead_days[sku] + 7)
        expected = float(covered["quantity"].sum())
        safety = factor * float(covered["spread"].iloc[0]) * np.sqrt(len(covered))
        missing = int(np.ceil(expected + safety - stock.get((shop, sku), 0)))
        if missing > 0:
            found.append(Proposal(shop=shop, sku=sku, quantity=missing, expected=expected, safety=safety))
    return sorted(found, key=lambda proposal: (proposal.shop, -proposal.quantity))
