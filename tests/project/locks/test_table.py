"""The table of formats: what each module says of itself is what the table says of it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import depsfirst.project.locks as table

TABLES = {**table.MANAGERS, **table.EXPORTS, **table.UNLOCKED}
FOLDER = Path(table.__file__).parent


@pytest.mark.parametrize("name", TABLES)
def test_each_name_has_its_module(name: str) -> None:
    found = table.format_of(name)
    assert found is import_module(f"depsfirst.project.locks.{TABLES[name]}")
    assert name in found.NAMES
    assert set(found.NAMES) <= set(TABLES)
    assert found.COMMAND


def test_each_module_has_its_row() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(TABLES.values())


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("pylock.prod.toml", "pylock"),
        ("pylock.a.b.toml", None),
        ("base.txt", "requirements"),
        ("poetry.lock.bak", None),
        ("x.toml", None),
    ],
)
def test_names_that_only_look_alike(name: str, module: str | None) -> None:
    found = table.format_of(name)
    assert getattr(found, "__name__", "").rpartition(".")[2] == (module or "")


def test_only_the_module_that_is_needed_is_imported(tmp_path: Path) -> None:
    (tmp_path / "Pipfile.lock").write_text('{"_meta": {"pipfile-spec": 6}, "default": {}}')
    program = (
        "import sys; from pathlib import Path; from depsfirst.project.discover import discover, lock_fingerprint\n"
        "lock_fingerprint(discover(Path(sys.argv[1])))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('depsfirst.project.locks.')))\n"
        "print(*({'yaml', 'packaging', 'packaging.pylock'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "depsfirst.project.locks.pipenv\n\n"
