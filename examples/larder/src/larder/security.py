"""Bearer tokens for the people of the shops."""

from datetime import timedelta

import jwt
from pydantic import BaseModel

from larder.clock import now
from larder.settings import Settings

ALGORITHM = "HS256"


class Person(BaseModel):
    """Who asks, and which shop they work in."""

    name: str
    shop: str


class InvalidTokenError(Exception):
    """A token that is false, stale or not one of ours."""


def issue(person: Person, settings: Settings) -> str:
    """A token that holds for `token_hours`."""
    claims = {
        "sub": person.name,
        "shop": person.shop,
        "exp": now() + timedelta(hours=settings.token_hours),
    }
    return jwt.encode(claims, settings.token_secret.get_secret_value(), algorithm=ALGORITHM)


def check(token: str, settings: Settings) -> Person:
    """The person a token was issued to."""
    secret = settings.token_secret.get_secret_value()
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM])
        return Person(name=claims["sub"], shop=claims["shop"])
    except (jwt.PyJWTError, KeyError) as error:
        raise InvalidTokenError(str(error)) from error
