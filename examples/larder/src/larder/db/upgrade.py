"""Brings a database to the newest schema, with the migrations that the package carries."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from larder.db.session import engine_for


def upgrade(url: str) -> str:
    """Run what is missing; the revision the database is at afterwards."""
    with engine_for(url).begin() as connection:
        command.upgrade(_config(connection), "head")
        revision = MigrationContext.configure(connection).get_current_revision()
    return revision or ""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("larder.db") / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
