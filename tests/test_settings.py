from __future__ import annotations

from typing import Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.settings import Settings, read_settings

WHERE = "pyproject.toml"


def test_nothing_is_required() -> None:
    assert read_settings({}, WHERE) == Settings()


def test_every_key_is_read() -> None:
    table = {
        "base": "deb:trixie",
        "platform": "linux/arm64",
        "name": "team/shop",
        "tag": "dev",
        "entrypoint": ["python", "-m", "shop"],
        "cmd": ["serve"],
        "env": {"TZ": "UTC", "EMPTY": ""},
        "workdir": "/srv/./shop/",
        "user": "1000",
        "ports": [8000, "53/udp"],
        "labels": {"team": "shop"},
        "packages": ["libpq5"],
        "mirror": "https://mirror.example/debian",
        "keyring": "keys/ours.asc",
        "index": "https://index.example/simple",
        "groups": ["web"],
        "extras": ["s3"],
        "max-layers": 4,
        "ignore-imports": ["plugins"],
        "imports": [],
        "lock": "uv.lock",
    }
    settings = read_settings(table, WHERE)
    assert settings == Settings(
        base="deb:trixie",
        platform="linux/arm64",
        name="team/shop",
        tag="dev",
        entrypoint=("python", "-m", "shop"),
        cmd=("serve",),
        env={"TZ": "UTC", "EMPTY": ""},
        workdir="/srv/shop",
        user="1000",
        ports=("8000/tcp", "53/udp"),
        labels={"team": "shop"},
        packages=("libpq5",),
        mirror="https://mirror.example/debian",
        keyring="keys/ours.asc",
        index_url="https://index.example/simple",
        groups=("web",),
        extras=("s3",),
        max_layers=4,
        ignore_imports=("plugins",),
        imports=(),
        lock="uv.lock",
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"bse": "x"}, 'pyproject.toml: tool.depsfirst: unknown key "bse"'),
        ({"base": 1}, "pyproject.toml: tool.depsfirst.base: this must be a string that is not empty"),
        ({"base": ""}, "pyproject.toml: tool.depsfirst.base: this must be a string that is not empty"),
        ({"cmd": "serve"}, "pyproject.toml: tool.depsfirst.cmd: this must be a list of strings"),
        ({"entrypoint": [1]}, "pyproject.toml: tool.depsfirst.entrypoint: this must be a list of strings"),
        ({"env": ["A=1"]}, "pyproject.toml: tool.depsfirst.env: this must be a table of strings"),
        ({"env": {"A": 1}}, "pyproject.toml: tool.depsfirst.env.A: this must be a string that is not empty"),
        ({"ports": 80}, "pyproject.toml: tool.depsfirst.ports: this must be a list of ports"),
        ({"ports": [80, "http"]}, 'pyproject.toml: tool.depsfirst.ports[1]: "http" is no port'),
        ({"ports": [70000]}, 'pyproject.toml: tool.depsfirst.ports[0]: "70000" is no port'),
        ({"max-layers": 0}, "pyproject.toml: tool.depsfirst.max-layers: this must be a number from 1 to 100"),
        ({"max-layers": True}, "pyproject.toml: tool.depsfirst.max-layers: this must be a number from 1 to 100"),
        ({"workdir": "app"}, 'pyproject.toml: tool.depsfirst.workdir: "app" is no absolute path'),
        ({"workdir": "/a/../b"}, 'pyproject.toml: tool.depsfirst.workdir: "/a/../b" is no absolute path'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(table: dict[str, Any], message: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        read_settings(table, WHERE)
    assert str(caught.value) == message


def test_an_unknown_key_names_a_close_one_or_all() -> None:
    with pytest.raises(DepsfirstError) as caught:
        read_settings({"bse": "x"}, WHERE)
    assert caught.value.hint == 'did you mean "base"?'
    with pytest.raises(DepsfirstError) as caught:
        read_settings({"zzzzzz": "x"}, WHERE)
    assert (caught.value.hint or "").startswith("the keys are base, build-args,")
