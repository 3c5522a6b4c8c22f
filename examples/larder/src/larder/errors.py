"""What can go wrong in the domain; the API turns each into an answer."""


class LarderError(Exception):
    """The base of all of them."""

    status = 500


class NotFoundError(LarderError):
    """Something that was asked for by its key is not there."""

    status = 404

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f'no {kind} "{key}"')


class OutOfStockError(LarderError):
    """An order wants more than a shop has."""

    status = 409

    def __init__(self, sku: str, wanted: int, available: int) -> None:
        super().__init__(f'"{sku}": {wanted} wanted, {available} available')


class TooLittleHistoryError(LarderError):
    """A forecast needs more days of sales than there are."""

    status = 422

    def __init__(self, days: int, needed: int) -> None:
        super().__init__(f"{days} days of sales are too few for a forecast, which needs {needed}")


class SupplierError(LarderError):
    """A supplier's service did not answer, or not as agreed."""

    status = 502
