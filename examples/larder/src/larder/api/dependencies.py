"""What the routes are given."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from larder.db.session import session_for
from larder.security import InvalidTokenError, Person, check
from larder.settings import Settings, get_settings

SettingsDep = Annotated[Settings, Depends(get_settings)]
BEARER = HTTPBearer()


def get_session(settings: SettingsDep) -> Iterator[Session]:
    """A session per request."""
    with session_for(settings.database_url) as session:
        yield session


def get_person(
    settings: SettingsDep, credentials: Annotated[HTTPAuthorizationCredentials, Depends(BEARER)]
) -> Person:
    """Who asks."""
    try:
        return check(credentials.credentials, settings)
    except InvalidTokenError as error:
        raise HTTPException(401, "this token does not hold") from error


SessionDep = Annotated[Session, Depends(get_session)]
PersonDep = Annotated[Person, Depends(get_person)]
