from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.plan import HEAVY, group_layers, image_reference, runtime, undecided
from depsfirst.project.model import Project
from depsfirst.settings import Settings


def project(**changes: object) -> Project:
    values = {"root": Path("/p"), "manifest": Path("/p/pyproject.toml"), "lock": Path("/p/uv.lock"), "name": "Shop.App"}
    return Project(**{**values, **changes})  # type: ignore[arg-type]


class TestLayers:
    def test_heavy_ones_stand_alone_and_the_rest_comes_last(self) -> None:
        sizes = {"b": HEAVY, "a": 5, "c": HEAVY * 3, "d": HEAVY - 1}
        assert group_layers(sizes, 16) == (("b",), ("c",), ("a", "d"))

    def test_the_budget_keeps_the_heaviest_alone(self) -> None:
        sizes = {"b": HEAVY, "a": 5, "c": HEAVY * 3, "d": HEAVY * 2}
        assert group_layers(sizes, 3) == (("c",), ("d",), ("a", "b"))
        assert group_layers(sizes, 1) == (("a", "b", "c", "d"),)

    def test_nothing_is_no_layer(self) -> None:
        assert group_layers({}, 16) == ()

    @given(st.dictionaries(st.text(min_size=1), st.integers(0, HEAVY * 4)), st.integers(1, 20))
    def test_each_package_is_in_one_layer_within_the_budget(self, sizes: dict[str, int], budget: int) -> None:
        layers = group_layers(sizes, budget)
        assert sorted(name for layer in layers for name in layer) == sorted(sizes)
        assert len(layers) <= budget
        assert layers == group_layers(dict(reversed(sizes.items())), budget)


class TestReference:
    @pytest.mark.parametrize(
        ("given", "settings", "reference"),
        [
            (None, Settings(), "shop-app:latest"),
            (None, Settings(name="team/shop", tag="dev"), "team/shop:dev"),
            ("other", Settings(name="team/shop", tag="dev"), "other:dev"),
            ("other:1.2", Settings(tag="dev"), "other:1.2"),
            ("registry.example:5000/shop", Settings(), "registry.example:5000/shop:latest"),
        ],
    )
    def test_what_is_given_goes_first(self, given: str | None, settings: Settings, reference: str) -> None:
        assert image_reference(given, project(), settings) == reference

    @pytest.mark.parametrize("given", ["Shop", "shop:", "-shop", "shop@sha256:00"])
    def test_what_no_registry_takes_is_refused(self, given: str) -> None:
        with pytest.raises(DepsfirstError):
            image_reference(given, project(), Settings())


class TestRuntime:
    def test_the_only_script_is_the_entrypoint(self) -> None:
        made = runtime(project(scripts={"serve": "shop:run"}), Settings(), "abcd", None)
        assert (made.entrypoint, made.cmd) == (("/opt/venv/bin/serve",), ())

    def test_the_script_named_as_the_project_goes_before_others(self) -> None:
        made = runtime(project(name="shop", scripts={"admin": "shop:a", "shop": "shop:run"}), Settings(), "abcd", None)
        assert made.entrypoint == ("/opt/venv/bin/shop",)

    def test_the_name_of_a_project_is_compared_as_distributions_are(self) -> None:
        scripts = {"corner_shop": "shop:run", "serve": "shop:serve"}
        made = runtime(project(name="Corner.Shop", scripts=scripts), Settings(), "abcd", None)
        assert made.entrypoint == ("/opt/venv/bin/corner_shop",)

    def test_several_scripts_need_a_choice(self) -> None:
        scripts = {"admin": "shop:a", "serve": "shop:run"}
        made = runtime(project(scripts=scripts), Settings(), "abcd", None)
        assert (made.entrypoint, made.cmd) == ((), ("/opt/venv/bin/python",))
        assert 'choose one by [tool.depsfirst] entrypoint = "admin"' in (
            undecided(project(scripts=scripts), Settings()) or ""
        )
        assert undecided(project(scripts=scripts), Settings(entrypoint="serve")) is None
        assert undecided(project(name="admin", scripts=scripts), Settings()) is None
        made = runtime(project(scripts=scripts), Settings(entrypoint="serve"), "abcd", None)
        assert made.entrypoint == ("/opt/venv/bin/serve",)
        with pytest.raises(DepsfirstError, match='no script "sreve"'):
            runtime(project(scripts=scripts), Settings(entrypoint="sreve"), "abcd", None)

    def test_a_command_is_taken_as_it_is(self) -> None:
        made = runtime(project(), Settings(entrypoint=("python", "-m", "shop"), cmd=("serve",)), "abcd", None)
        assert (made.entrypoint, made.cmd) == (("python", "-m", "shop"), ("serve",))

    def test_without_scripts_python_is_started(self) -> None:
        made = runtime(project(), Settings(), "abcd", None)
        assert (made.entrypoint, made.cmd) == ((), ("/opt/venv/bin/python",))

    def test_labels_tell_what_the_manifest_says(self) -> None:
        made = runtime(
            project(
                version="1.2",
                description="A shop",
                license="MIT",
                authors=("A <a@shop.example>", "B"),
                urls={"Repository": "https://git.example", "Docs": "https://docs.example", "Chat": "https://c.example"},
            ),
            Settings(labels={"team": "shop"}),
            "abcd",
            "2026-01-01T00:00:00Z",
        )
        start = "org.opencontainers.image."
        assert made.labels == {
            f"{start}title": "Shop.App",
            f"{start}version": "1.2",
            f"{start}description": "A shop",
            f"{start}licenses": "MIT",
            f"{start}authors": "A <a@shop.example>, B",
            f"{start}created": "2026-01-01T00:00:00Z",
            f"{start}source": "https://git.example",
            f"{start}documentation": "https://docs.example",
            "dev.depsfirst.recipe": "abcd",
            "team": "shop",
        }

    def test_the_configuration_stands_on_that_of_the_base(self) -> None:
        base = {
            "Env": ["PATH=/usr/local/bin:/usr/bin", "LANG=C.UTF-8", "GPG_KEY=a=b"],
            "Cmd": ["python3"],
            "Entrypoint": ["/start"],
            "ExposedPorts": {"90/tcp": {}},
            "StopSignal": "SIGINT",
            "Labels": {"a": "b", "team": "base"},
            "User": "root",
        }
        settings = Settings(env={"LANG": "de", "X": "1"}, ports=("80/tcp",), labels={"team": "shop"}, cmd=("serve",))
        assert runtime(project(scripts={"shop": "a:b"}), settings, "abcd", None).config(base) == {
            "Env": [
                "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin",
                "LANG=de",
                "GPG_KEY=a=b",
                "VIRTUAL_ENV=/opt/venv",
                "PYTHONUNBUFFERED=1",
                "X=1",
            ],
            "Entrypoint": ["/opt/venv/bin/shop"],
            "Cmd": ["serve"],
            "ExposedPorts": {"80/tcp": {}, "90/tcp": {}},
            "StopSignal": "SIGINT",
            "Labels": {
                "a": "b",
                "dev.depsfirst.recipe": "abcd",
                "org.opencontainers.image.title": "Shop.App",
                "team": "shop",
            },
            "User": "65532:65532",
            "WorkingDir": "/app",
        }
