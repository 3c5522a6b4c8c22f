from __future__ import annotations

from textwrap import dedent

import pytest

from depsfirst.wheels.own.literals import assigned, directives, docstring, only_calls_setup, version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__version__ = '1'", True),
        ("__version__: str = '1'", True),
        ("VERSION = __version__ = '1'", True),
        ("__version__ = (1, 2)", True),
        ("__version__ = '1'\n__version__ = compute()", True),
        ("__version__ = compute()\n__version__ = '1'", False),
        ("__version__ = other", False),
        ("__version__ = f'{1}'", False),
        ("__version__: str", False),
        ("a.__version__ = '1'", False),
        ("if True:\n    __version__ = '1'", False),
        ("from .about import __version__", False),
        ("def broken(:", False),
        ("\0", False),
        ("", False),
    ],
)
def test_an_assignment_is_literal_or_not(text: str, *, expected: bool) -> None:
    assert assigned(text, "__version__") is expected


def test_what_flit_reads_without_an_import() -> None:
    assert docstring('"""A shop."""')
    assert not docstring('"""   """')
    assert not docstring("x = 1")
    assert version("__version__ = '1'")
    assert not version("__version__ = ('1',)")
    assert not version("__version__ = make()")


@pytest.mark.parametrize(
    "text",
    [
        "from setuptools import setup\nsetup()",
        "import setuptools\n\nsetuptools.setup()\n",
        '"""For old tools."""\nfrom setuptools import setup\n\nif __name__ == "__main__":\n    setup()\n',
        "#!/usr/bin/env python\nimport setuptools\nif __name__ == '__main__':\n    setuptools.setup()\n",
    ],
)
def test_a_stub_of_a_setup_script_is_known(text: str) -> None:
    assert only_calls_setup(text)


@pytest.mark.parametrize(
    "text",
    [
        "from setuptools import setup\nsetup(name='shop')",
        "from setuptools import setup\nimport os\nsetup()",
        "from setuptools import setup\nopen('x', 'w')\nsetup()",
        "from setuptools import setup\nif __name__ == '__main__':\n    setup()\nelse:\n    other()",
        "from setuptools import setup\nif other:\n    setup()",
        "broken(",
        "",
    ],
)
def test_any_other_setup_script_is_a_program(text: str) -> None:
    assert not only_calls_setup(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("[metadata]\nname = shop\n[options]\npackages = find:\n[options.packages.find]\nexclude = tests", []),
        ("[metadata]\nlong_description = file: README.md, NEWS.md", [{"file": ["README.md", "NEWS.md"]}]),
        ("[metadata]\nlong_description = file:\n    README.md\n    NEWS.md", [{"file": ["README.md", "NEWS.md"]}]),
        ("[metadata]\nversion = attr: shop.__version__", [{"attr": "shop.__version__"}]),
        ("[options]\npackage_dir =\n    = src", [{"top": ["src"]}]),
        ("[options.packages.find]\nwhere =\n    lib\n    more", [{"top": ["lib", "more"]}]),
        ("[options]\npackage_dir =\n    = src\n    shop = code", [{"always": '"setup.cfg" has package_dir'}]),
        ("[options]\ncmdclass =\n    x = y", [{"always": '"setup.cfg" has cmdclass'}]),
        ("[options]\nsetup-requires = x", [{"always": '"setup.cfg" has setup_requires'}]),
        ("[egg_info]\ntag_date = 1", [{"always": '"setup.cfg" configures a command in [egg_info]'}]),
        ("[flake8]\nx = 1\n[tool:pytest]\nx = 1\n[coverage:run]\nx = 1\n[bdist_wheel]\nuniversal = 1", []),
        ("no section", [{"always": '"setup.cfg" cannot be read'}]),
    ],
)
def test_what_a_setup_cfg_makes_setuptools_read(text: str, expected: list[object]) -> None:
    assert list(directives(dedent(text))) == expected
