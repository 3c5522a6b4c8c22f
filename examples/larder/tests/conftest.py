from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from larder.db.queries import sales_frame
from larder.db.session import session_for
from larder.db.upgrade import upgrade
from larder.seed import fill


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("database") / "larder.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    with session_for(url) as session:
        fill(session, until=date(2024, 6, 1), days=160)
    return url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with session_for(url) as session:
        yield session


@pytest.fixture(scope="session")
def sales(url: str) -> pd.DataFrame:
    with session_for(url) as session:
        return sales_frame(session)
