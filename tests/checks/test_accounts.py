"""The accounts that commands of a Dockerfile make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.checks.accounts import Account, account, owner_options
from depsfirst.checks.run import Checker, Order

if TYPE_CHECKING:
    from pathlib import Path


def last_run(folder: Path, lines: str) -> tuple[Account | None, str | None]:
    """The account that the last RUN runs as, and the options that give it a cache."""
    path = folder / "Dockerfile"
    path.write_text(f"FROM python:3.13-slim\nARG UID=1000\n{lines}\nRUN pip install flask\n")
    (subject,) = Checker(Order((path,))).subjects()
    return account(subject, subject.runs[-1]), owner_options(subject, subject.runs[-1])


@pytest.mark.parametrize(
    ("lines", "found", "options"),
    [
        ("", None, ""),
        ("USER root:root", None, ""),
        ("USER 1000", None, ",uid=1000"),
        ("USER 1000:0", None, ",uid=1000,gid=0"),
        ("USER app", None, None),
        ("RUN useradd app\nUSER app", Account("/home/app", None, None), None),
        ("RUN useradd -ms /bin/bash -u 77 app\nUSER app", Account("/home/app", "77", None), ",uid=77"),
        ("RUN useradd -u 77 -g 78 app\nUSER app", Account("/home/app", "77", "78"), ",uid=77,gid=78"),
        ("RUN useradd -u 77 -g 78 app\nUSER app:staff", Account("/home/app", "77", "78"), ",uid=77"),
        ("RUN useradd -u $UID --home-dir /srv/a app\nUSER app", Account("/srv/a", "1000", None), ",uid=1000"),
        ("RUN useradd -u 77 app\nUSER 77", Account("/home/app", "77", None), ",uid=77"),
        ("RUN useradd -b /srv -u 77 app\nUSER app", Account(None, "77", None), ",uid=77"),
        ("RUN adduser -D -u 77 -h /data app\nUSER app", Account("/data", "77", None), ",uid=77"),
        ("RUN adduser --system --uid 77 app\nUSER app", Account(None, "77", None), ",uid=77"),
        ("RUN adduser -S -G app app\nUSER app", Account("/home/app", None, None), None),
        ("RUN useradd -u 77 app && usermod -u 78 app\nUSER app", None, None),
        ("RUN useradd -u 77 app && usermod -aG sudo app\nUSER app", Account("/home/app", "77", None), ",uid=77"),
        ("RUN adduser app staff\nUSER app", None, None),
        ("RUN useradd -u $(id -u) app\nUSER app", Account("/home/app", None, None), None),
    ],
)
def test_accounts(tmp_path: Path, lines: str, found: Account | None, options: str | None) -> None:
    assert last_run(tmp_path, lines) == (found, options)


def test_an_account_of_another_stage_counts_only_where_the_stage_starts_from_it(tmp_path: Path) -> None:
    made = "RUN useradd -u 77 app\nFROM python:3.13-slim AS other\nUSER app"
    assert last_run(tmp_path, made) == (None, None)
