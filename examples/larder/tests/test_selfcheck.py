from datetime import date

import pytest

from larder.about import introduction
from larder.reports.archive import keep
from larder.security import InvalidTokenError, Person, check, issue
from larder.selfcheck import selfcheck
from larder.settings import Settings


def test_selfcheck_tries_everything() -> None:
    assert selfcheck()[-1] == introduction()


def test_a_token_of_another_secret_does_not_hold() -> None:
    token = issue(Person(name="ada", shop="quay"), Settings(token_secret="x" * 40))
    with pytest.raises(InvalidTokenError):
        check(token, Settings())


def test_reports_are_kept_where_a_bucket_is_set() -> None:
    class Store(dict[str, bytes]):
        def put_object(self, **arguments: str) -> None:
            self[arguments["Key"]] = arguments["Body"]

    store, day = Store(), date(2024, 6, 1)
    assert keep(b"x", day, Settings(), store) is None
    assert keep(b"x", day, Settings(archive_bucket="office"), store) == "weekly/2024/06/2024-06-01.xlsx"
    assert list(store.values()) == [b"x"]
