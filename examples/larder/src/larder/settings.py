"""What an operator may set, from the environment or a `.env` file: `LARDER_DATABASE_URL` and so on."""

from functools import lru_cache
from typing import Literal

from pydantic import EmailStr, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Defaults suit a laptop: a database in a file, no mail, no archive."""

    model_config = SettingsConfigDict(env_prefix="LARDER_", env_file=".env", extra="ignore")

    database_url: str = "sqlite:///larder.db"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    token_secret: SecretStr = SecretStr("only-for-a-laptop-and-never-for-a-server")
    token_hours: int = Field(default=12, gt=0)
    buyer_email: EmailStr = "buyer@larder.example.com"
    supplier_url: HttpUrl = HttpUrl("https://suppliers.example/api")
    supplier_timeout: float = Field(default=5.0, gt=0)
    archive_bucket: str | None = None
    forecast_days: int = Field(default=14, ge=1, le=60)
    service_level: float = Field(default=0.95, gt=0.5, lt=1.0)


@lru_cache
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
