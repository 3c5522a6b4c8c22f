"""Engines and sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

MEMORY = "sqlite://"


@lru_cache
def engine_for(url: str) -> Engine:
    """One engine per database; an in-memory one is shared by all threads."""
    if url.startswith("sqlite"):
        arguments = {"connect_args": {"check_same_thread": False}}
        engine = create_engine(url, poolclass=StaticPool if url == MEMORY else None, **arguments)
        event.listen(engine, "connect", _enforce_foreign_keys)
        return engine
    return create_engine(url, pool_pre_ping=True)


def _enforce_foreign_keys(connection: object, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]


@contextmanager
def session_for(url: str) -> Iterator[Session]:
    """A session that is rolled back if its block fails."""
    with sessionmaker(engine_for(url), expire_on_commit=False)() as session:
        try:
            yield session
        except BaseException:
            session.rollback()
            raise
