"""`kiosk --version`, and `kiosk` for a page of prices."""

import sys
from importlib.metadata import version

from kiosk.about import TAGLINE


def main() -> None:
    """Print the version or a page."""
    if "--version" in sys.argv[1:]:
        print(f"kiosk {version('kiosk')}: {TAGLINE}")
        return
    import markdown
    import pandas as pd

    prices = pd.DataFrame({"product": ["Rye bread", "Milk"], "price": [3.2, 1.3]})
    print(markdown.markdown(prices.to_markdown(index=False), extensions=["tables"]))
