"""Whether the service is well."""

from fastapi import APIRouter
from sqlalchemy import text

from larder import __version__
from larder.api.dependencies import SessionDep

router = APIRouter(tags=["health"])


@router.get("/health")
def health(session: SessionDep) -> dict[str, str]:
    """Answers if the database does."""
    session.execute(text("select 1"))
    return {"status": "ok", "version": __version__}
