"""An image is tried in a daemon before it has its name, under one that is gone afterwards."""

from __future__ import annotations

import platform
import uuid
from typing import TYPE_CHECKING

import pytest
from tests.oci.conftest import Maker

from depsfirst.content import ContentStore
from depsfirst.engines.rehearsal import stage
from depsfirst.oci.endpoint import Endpoint
from depsfirst.trials.runners import Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the program of the image is for x86-64"),
]


def test_builds_of_one_image_at_once_leave_each_other_alone(
    docker_classic: str, docker: Callable[..., str], tmp_path: Path
) -> None:
    store, endpoint = ContentStore(tmp_path / "cache"), Endpoint(docker_classic)
    word = uuid.uuid4().hex
    trial = Trial(Maker(store).image(word), ("/app/hello",), "linux/amd64", timeout=300)

    def there() -> bool:
        return trial.image.id in docker(docker_classic, "images", "--quiet", "--no-trunc", "depsfirst-trial").split()

    with stage(endpoint, store) as one:
        assert one.runners[0].run(trial).output == word
        with stage(endpoint, store) as other:
            assert other.runners[0].run(trial).output == word
        assert there()
    assert not there()
