from __future__ import annotations

import pytest

from depsfirst.project.uv_markers import in_pep_508


@pytest.mark.parametrize(
    ("marker", "meant"),
    [
        (None, None),
        ("platform_system != 'Windows'", "sys_platform != 'win32'"),
        ('platform_system == "Darwin" or os_name == "nt"', "sys_platform == 'darwin' or os_name == \"nt\""),
        ("platform_system == 'Haiku'", "platform_system == 'Haiku'"),
        ("python_version < '<3.10'", "python_version >= '0'"),
        (
            "python_full_version >= '3.8' and python_version < ''",
            "python_full_version >= '3.8' and python_version >= '0'",
        ),
        ("python_version == '3.*'", "python_version == '3.*'"),
        ("python_version in '2.7, 3.4'", "python_version in '2.7, 3.4'"),
    ],
)
def test_markers_in_the_words_of_pep_508(marker: str | None, meant: str | None) -> None:
    assert in_pep_508(marker) == meant
