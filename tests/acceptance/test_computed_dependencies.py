"""Projects without a lock of which only the build backend knows what they depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.acceptance.images import below, read_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.product import Made, Product

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"
BACKEND = '''
import base64, hashlib, os, zipfile


def build_wheel(directory, settings=None, metadata=None):
    """Packs every module at the top; what it requires stands in wants.txt."""
    wants = open("wants.txt").read().splitlines()
    extras = sorted({line.partition("extra == ")[2].strip("'") for line in wants if "extra ==" in line})
    head = ["Metadata-Version: 2.1", "Name: shop", "Version: 1.0", "Requires-Python: >=3.10"]
    head += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {line}" for line in wants]
    files = {name: open(name, "rb").read() for name in sorted(os.listdir()) if name == "shop.py"}
    info = "shop-1.0.dist-info"
    files[f"{info}/METADATA"] = "\\n".join(head).encode() + b"\\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()) for name, data in files.items()}
    rows = [f"{name},sha256={digest.decode().rstrip('=')},{len(files[name])}" for name, digest in digests.items()]
    files[f"{info}/RECORD"] = "\\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(os.path.join(directory, "shop-1.0-py3-none-any.whl"), "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return "shop-1.0-py3-none-any.whl"
'''
SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
DYNAMIC = f'[project]\nname = "shop"\nversion = "1.0"\ndynamic = ["dependencies"]\n{SYSTEM}'
WANTS = "click\njinja2; python_version < \"3\"\nmarkupsafe; extra == 'pretty'\n"


def shop(root: Path, files: dict[str, str]) -> Path:
    root.mkdir()
    both = {"backend.py": BACKEND, "shop.py": "import click\n", "wants.txt": WANTS, **files}
    for name, text in both.items():
        (root / name).write_text(text)
    return root


def packages(made: Made) -> set[str]:
    assert made.output is not None
    folders = {path.partition("/")[0] for path in below(read_image(made.output).tree(1), SITE)}
    return {folder.partition("-")[0] for folder in folders if folder.endswith(".dist-info")}


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": SYSTEM, "setup.py": ""},
        {"pyproject.toml": DYNAMIC},
    ],
    ids=["setup.py", "dynamic"],
)
def test_what_the_wheel_says_is_resolved_until_it_says_otherwise(
    files: dict[str, str], fast: Product, tmp_path: Path
) -> None:
    root = shop(tmp_path / "shop", files)
    first = fast.build(root, tmp_path / "first.tar")
    assert packages(first) == {"click", "shop"}
    assert "there is no lock: uv resolved 1 package for Python 3.11" in first.stderr
    (root / "shop.py").write_text("import click\n\nclick.echo\n")
    edited = fast.build(root, tmp_path / "edited.tar")
    assert edited.differing(first) == {"code"}
    assert "there is no lock" not in edited.stderr
    (root / "wants.txt").write_text("click\nmarkupsafe\n")
    more = fast.build(root, tmp_path / "more.tar")
    assert packages(more) == {"click", "markupsafe", "shop"}
    assert "there is no lock: uv resolved 2 packages" in more.stderr


def test_extras_are_those_that_the_wheel_provides(fast: Product, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", {"pyproject.toml": DYNAMIC})
    assert packages(fast.build(root, tmp_path / "image.tar", "--extra", "pretty")) == {"click", "markupsafe", "shop"}
    said = fast.refused(root, tmp_path / "no.tar", "--extra", "nice")
    assert 'there is no extra "nice"\nhint: the extras there are: pretty' in said
    (root / "shop.py").write_text("def wrapped():\n    import markupsafe\n")
    said = fast.build(root, tmp_path / "without.tar").stderr
    assert 'shop.py:2: "markupsafe" is imported, but nothing in the image provides it' in said


def test_a_requirement_that_nobody_has_is_said_of_the_manifest(fast: Product, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", {"pyproject.toml": SYSTEM, "setup.py": "", "wants.txt": "nobody-has-this>=1\n"})
    said = fast.refused(root, tmp_path / "no.tar")
    assert f"error: {root / 'setup.py'}: there is no lock, and uv cannot resolve what is wanted" in said
    assert "nobody-has-this" in said


def test_a_manager_that_keeps_a_lock_is_asked_for_it(fast: Product, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", {"pyproject.toml": SYSTEM, "setup.py": "", "Pipfile": ""})
    assert "there is no lock\nhint: run `pipenv lock`" in fast.refused(root, tmp_path / "no.tar")
