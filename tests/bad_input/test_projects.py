"""Projects: not there, broken manifests, settings and options that say what cannot be, code that does not build."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

BROKEN = '[project]\nname = "corner-shop"\nversion = 1.0.0\n'


def test_a_directory_that_is_not_there(attempt: Any, tmp_path: Path, options: list[str]) -> None:
    err = attempt.refused(tmp_path / "nowhere", *options)
    assert f"error: {tmp_path / 'nowhere'}: this is not a directory" in err
    assert "hint: name the project's directory" in err


def test_a_file_instead_of_a_directory(attempt: Any, shop: Any, options: list[str]) -> None:
    path = shop.root / "pyproject.toml"
    assert f"error: {path}: this is not a directory" in attempt.refused(path, *options)


def test_a_directory_without_a_project(attempt: Any, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    err = attempt.refused(tmp_path / "empty", *options)
    assert "there is no Python project here" in err
    assert "hint: a project has pyproject.toml or requirements.txt" in err


@pytest.mark.parametrize("what", ["", "pyproject.toml", "requirements.txt"])
def test_what_may_not_be_read(attempt: Any, shop: Any, options: list[str], as_anybody: Any, what: str) -> None:
    path = shop.root / what
    with as_anybody():
        path.chmod(0)
        try:
            err = attempt.refused(shop, *options)
        finally:
            path.chmod(0o755)
    assert "ermission denied" in err
    assert Path(what).name in err


def test_a_manifest_that_is_no_toml(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("pyproject.toml", BROKEN)
    err = attempt.refused(shop, *options)
    assert "error: pyproject.toml:3:14: this is no TOML: " in err
    assert "\nhint: mend the file" in err


def test_a_manifest_that_is_no_text(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("pyproject.toml", b'[project]\nname = "caf\xe9"\n')
    assert "error: pyproject.toml:2: this is not UTF-8\nhint: save the file as UTF-8" in attempt.refused(shop, *options)


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ('bsae = "deb:trixie"', "tool.depsfirst", 'unknown key "bsae"\nhint: did you mean "base"?'),
        ("base = 3", "tool.depsfirst.base", "this must be a string"),
        ("groups = 'web'", "tool.depsfirst.groups", "this must be a list of strings"),
        ("max-layers = 0", "tool.depsfirst.max-layers", "this must be a number from 1 to 100"),
        ("ports = ['http']", "tool.depsfirst.ports[0]", '"http" is no port'),
        ("env = { A = 1 }", "tool.depsfirst.env.A", "this must be a string"),
        ("workdir = 'app'", "tool.depsfirst.workdir", '"app" is no absolute path'),
        ("entrypoint = 'serve'", "tool.depsfirst.entrypoint", 'the project has no script "serve"'),
        ("platform = 'windows/amd64'", "tool.depsfirst.platform", '"windows/amd64" is not supported'),
        ("lock = 'my.lock'", "tool.depsfirst.lock", '"my.lock" is of no known format'),
    ],
)
def test_settings_that_are_wrong(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, options: list[str], line: str, where: str, said: str
) -> None:
    shop.settings(line)
    err = attempt.refused(shop, *options)
    assert f"pyproject.toml: {where}" in err
    assert said in err


@pytest.mark.parametrize("tag", ["Upper/Case", "a b", "shop:", ":1", "shop:1:2", "shop:ä", "shop@sha256:1", "-shop"])
def test_a_tag_that_is_none(attempt: Any, shop: Any, options: list[str], tag: str) -> None:
    err = attempt.refused(shop, *options, f"--tag={tag}")
    assert tag in err or "sha256" in err
    assert "\nhint: " in err


@pytest.mark.parametrize("platform", ["linux", "amd64", "windows/amd64", "linux/386", "linux/amd64/v3"])
def test_a_platform_that_is_none(attempt: Any, shop: Any, options: list[str], platform: str) -> None:
    err = attempt.refused(shop, *options, "--platform", platform)
    assert f'the platform "{platform}" is not supported\nhint: choose linux/amd64 or linux/arm64' in err


@pytest.mark.parametrize("text", ["yesterday", "1e9", "99999999999999999999", "-"])
def test_a_time_that_is_none(
    attempt: Any, shop: Any, options: list[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    err = attempt.refused(shop, *options)
    assert f'SOURCE_DATE_EPOCH is "{text}", which is no time\nhint: set it to whole seconds since 1970' in err


@pytest.mark.parametrize("out", ["{target}", "oci:{archive}", "{target}/no/out.tar", "oci:", "{archive}/out.tar"])
def test_a_destination_that_cannot_be(attempt: Any, shop: Any, options: list[str], out: str) -> None:
    words = out.format(target=attempt.target, archive=attempt.archive)
    err = attempt.refused(shop, *options, "-o", words)
    assert "\nhint: " in err


@pytest.mark.parametrize("option", ["--base", "--platform", "--index", "--output", "--tag"])
def test_an_option_without_a_value(attempt: Any, shop: Any, options: list[str], option: str) -> None:
    err = attempt.refused(shop, *options, option, "")
    assert f"error: {option} is empty\nhint: give it a value, or leave it out" in err


def test_nothing_is_guessed_of_a_layout_of_somebody_else(attempt: Any, shop: Any, options: list[str]) -> None:
    other = attempt.target.with_name("other")
    other.mkdir()
    (other / "precious").write_text("mine")
    err = attempt.refused(shop, *options, "-o", f"oci:{other}")
    assert str(other) in err
    assert os.listdir(other) == ["precious"]


# Code


def test_a_backend_that_fails(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("backend.py", "def build_wheel(*_):\n    raise RuntimeError('the readme is missing')\n")
    err = attempt.refused(shop, *options)
    assert 'the build backend "backend" failed to build corner-shop' in err
    assert "RuntimeError: the readme is missing" in err
    assert "\nhint: " in err


def test_a_backend_that_is_not_there(attempt: Any, shop: Any, options: list[str]) -> None:
    (shop.root / "backend.py").unlink()
    err = attempt.refused(shop, *options)
    assert 'the build backend "backend" cannot be imported' in err


def test_a_backend_that_the_index_does_not_have(attempt: Any, shop: Any, options: list[str]) -> None:
    text = (shop.root / "pyproject.toml").read_text()
    shop.write("pyproject.toml", text.replace("requires = []", 'requires = ["no-such-backend"]'))
    err = attempt.refused(shop, *options)
    assert "pyproject.toml: build-system.requires: " in err
    assert "no-such-backend" in err


def test_a_syntax_error(attempt: Any, shop: Any, bases: Any, layer: Any, index: Any) -> None:
    shop.write("src/shop/prices.py", "TAX = 1\n\ndef net(price:\n    return price\n")
    base = bases.archive(layer(f"3.{sys.version_info.minor}.1"), name="ours.tar")
    assert "src/shop/prices.py:3" in attempt.refused(shop, "--base", base, "--index", index.simple)


def test_an_import_that_nothing_answers(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("src/shop/prices.py", "import json\nimport requests.adapters\n")
    err = attempt.refused(shop, *options)
    assert "src/shop/prices.py:2" in err
    assert "requests" in err
    assert "\nhint: " in err


def test_an_import_of_a_name_that_was_mistyped(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("src/shop/prices.py", "from shop.mian import main\n")
    err = attempt.refused(shop, *options)
    assert "src/shop/prices.py:1" in err
    assert "shop.mian" in err


def test_code_that_is_mended_builds(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.write("src/shop/prices.py", "import requests\n")
    attempt.refused(shop, *options)
    shop.write("src/shop/prices.py", "import greet\n")
    attempt.succeeds(shop, *options)
