"""Keeps reports in an object store."""

from datetime import date
from typing import Any, Protocol

import boto3

from larder.settings import Settings

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ObjectStore(Protocol):
    """The one thing that is needed of an S3 client."""

    def put_object(self, **arguments: Any) -> Any: ...


def keep(content: bytes, day: date, settings: Settings, store: ObjectStore | None = None) -> str | None:
    """Put a workbook into the bucket; its key, or None where no bucket is set."""
    if settings.archive_bucket is None:
        return None
    if store is None:
        store = boto3.client("s3")
    key = f"weekly/{day:%Y/%m}/{day.isoformat()}.xlsx"
    store.put_object(Bucket=settings.archive_bucket, Key=key, Body=content, ContentType=WORKBOOK)
    return key
