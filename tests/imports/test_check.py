from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.imports.check import (
    Checked,
    Memory,
    Problem,
    Provided,
    Stdlib,
    Surroundings,
    check,
    failure,
    provided,
    told,
)
from depsfirst.imports.scan import Scan, scan

if TYPE_CHECKING:
    from pathlib import Path

HOST = sys.version_info[:2]
STDLIB = Stdlib(frozenset({"__future__", "os", "sys", "json", "importlib", "typing", "contextlib", "warnings"}), HOST)
LAYERS = provided(
    [
        "requests/__init__.py",
        "six.py",
        "yaml/__init__.py",
        "_cffi_backend.cpython-312-x86_64-linux-gnu.so",
        "google/cloud/storage/__init__.py",
        "google/auth/__init__.py",
    ]
)
AROUND = Surroundings(LAYERS, STDLIB)


def found(source: str, around: Surroundings = AROUND, path: str = "shop/main.py", **files: str) -> tuple[Problem, ...]:
    code = {"shop/__init__.py": "", path: dedent(source), **{f"shop/{name}.py": text for name, text in files.items()}}
    return check([(name, text.encode()) for name, text in code.items()], around).problems


def judged(source: str, around: Surroundings = AROUND) -> list[tuple[str, int, str | None]]:
    return [(problem.severity, problem.line, problem.module) for problem in found(source, around)]


@pytest.mark.parametrize(
    "source",
    [
        "import requests, json",
        "import six.moves.urllib",
        "from requests.anything import at_all",
        "import _cffi_backend",
        "from google.cloud import storage",
        "import google.cloud.storage.blob",
        "from google.cloud.storage.blob import Blob",
        "import google.cloud",
        "from . import anything",
        "from .sibling import name",
        "from shop.sibling import name",
        "import shop.sibling",
        "from __future__ import annotations",
        "import __main__",
        "try:\n    import missing\nexcept ImportError:\n    missing = None",
        "try:\n    import missing\nexcept (ValueError, ModuleNotFoundError):\n    pass",
        "try:\n    import missing\nexcept Exception:\n    pass",
        "try:\n    import missing\nexcept:\n    pass",
        "try:\n    import missing\nexcept* ImportError:\n    pass",
        "try:\n    import missing\nexcept ImportError:\n    pass\nelse:\n    import missing.more, missing_too",
        "try:\n    import json\nexcept ImportError:\n    import missing",
        "try:\n    import missing\nexcept ImportError:\n    try:\n        import lost\n    except ImportError: pass",
        "def f():\n    try:\n        import missing\n    except ImportError:\n        return",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import missing",
        "import typing as t\nif t.TYPE_CHECKING:\n    import missing\nelse:\n    import requests",
        "import sys\nif sys.platform == 'win32':\n    import missing",
        "import sys\nif sys.platform.startswith('win') or os.name == 'nt':\n    import missing",
        "import sys\nif sys.platform in ('win32', 'cygwin'):\n    import missing",
        "import sys\nif sys.version_info < (3, 9):\n    import missing\nelse:\n    import json",
        "import sys\nif sys.version_info[0] == 2:\n    import missing",
        "import sys\nif sys.version_info.major < 3:\n    import missing",
        "import sys\nif not sys.version_info[:2] >= (3, 9):\n    import missing",
        "import platform, os\nif platform.system() == 'Windows':\n    import missing".replace("platform, ", ""),
        "import sys\nWINDOWS = sys.platform == 'win32'\nif WINDOWS:\n    import missing",
        "import sys\nassert sys.platform == 'win32'\nimport missing",
        "import sys\nif sys.platform != 'win32':\n    raise ImportError('Windows only')\nimport missing",
        "import importlib.util\nif importlib.util.find_spec('missing'):\n    import missing",
        "import importlib.util\nfound = importlib.util.find_spec('missing') is not None\nif found:\n    import missing",
        "try:\n    import missing\n    ok = True\nexcept ImportError:\n    ok = False\nif ok:\n    import missing.more",
        "from .sibling import HAS_MISSING\nif HAS_MISSING:\n    import missing",
        "import sys\nif 'missing' in sys.modules:\n    import missing",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import missing",
        "from contextlib import suppress\nwith suppress(ValueError, ModuleNotFoundError):\n    import missing",
        "raise SystemExit\nimport missing",
        "def f():\n    import msvcrt",
        "import importlib\ntry:\n    importlib.import_module('missing')\nexcept ImportError:\n    pass",
        "def f():\n    import importlib\n    importlib.import_module('missing')",
        "import importlib\nimportlib.import_module('.anything', __package__)",
        "import importlib\nname = 'missing'\nimportlib.import_module(name)",
    ],
)
def test_no_alarm(source: str) -> None:
    assert found(source, sibling="") == ()


@pytest.mark.parametrize(
    ("source", "severity", "line", "module"),
    [
        ("import os\nimport missing", "error", 2, "missing"),
        ("import missing.deep.down", "error", 1, "missing"),
        ("from missing import name", "error", 1, "missing"),
        ("import six, missing", "error", 1, "missing"),
        ("from google.cloud import bigquery", "error", 1, "google.cloud.bigquery"),
        ("import google.cloud.bigquery.client", "error", 1, "google.cloud.bigquery"),
        ("import google.maps", "error", 1, "google.maps"),
        ("from .absent import name", "error", 1, "shop.absent"),
        ("from shop.absent import name", "error", 1, "shop.absent"),
        ("import shop.main.deeper", "error", 1, "shop.main.deeper"),
        ("from .. import name", "error", 1, ".."),
        ("from ..far import name", "error", 1, "..far"),
        ("class A:\n    import missing", "error", 2, "missing"),
        ("import warnings\nwith warnings.catch_warnings():\n    import missing", "error", 3, "missing"),
        ("try:\n    import missing\nexcept ValueError:\n    pass", "error", 2, "missing"),
        ("try:\n    import lost\nexcept ImportError:\n    import missing", "error", 4, "missing"),
        ("try:\n    pass\nfinally:\n    import missing", "error", 4, "missing"),
        ("import sys\nif sys.version_info >= (3, 9):\n    import missing", "error", 3, "missing"),
        ("import sys\nif sys.platform == 'linux':\n    import missing", "error", 3, "missing"),
        ("import sys\nif sys.platform == 'win32':\n    pass\nelse:\n    import missing", "error", 5, "missing"),
        ("if True:\n    import missing", "error", 2, "missing"),
        ("import distutils", "error", 1, "distutils"),
        ("def f():\n    import missing", "warning", 2, "missing"),
        ("async def f():\n    from missing import x", "warning", 2, "missing"),
        ("if __name__ == '__main__':\n    import missing", "warning", 2, "missing"),
        ("from shop import debug\nif debug:\n    import missing", "warning", 3, "missing"),
        ("for _ in ():\n    import missing", "warning", 2, "missing"),
        ("match 1:\n    case 2:\n        import missing", "warning", 3, "missing"),
        ("from shop import optional\nwith optional():\n    import missing", "warning", 3, "missing"),
        (
            "try:\n    import missing\nexcept ImportError as error:\n    raise RuntimeError from error",
            "warning",
            2,
            "missing",
        ),
        ("import importlib\nplugin = importlib.import_module('missing.plugin')", "warning", 2, "missing"),
        ("plugin = __import__('missing')", "warning", 1, "missing"),
        ("import winreg", "warning", 1, "winreg"),
    ],
)
def test_alarm(source: str, severity: str, line: int, module: str) -> None:
    assert judged(source) == [(severity, line, module)]


def test_a_missing_module_is_told_once_per_file_and_the_certain_one_wins() -> None:
    source = "def f():\n    import missing\nimport missing\nfrom missing import x\ndef g():\n    import missing\n"
    assert judged(source) == [("warning", 2, "missing"), ("error", 3, "missing")]


def test_the_condition_depends_on_the_target_not_on_the_host() -> None:
    source = "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli\n"
    old = Surroundings(LAYERS, Stdlib(STDLIB.names, (3, 10)))
    new = Surroundings(LAYERS, Stdlib(STDLIB.names | {"tomllib"}, (3, 11)))
    assert judged(source, old) == [("error", 5, "tomli")]
    assert judged(source, new) == []


def test_a_patch_release_is_not_known() -> None:
    source = f"import sys\nif sys.version_info >= ({HOST[0]}, {HOST[1]}, 4):\n    import missing\n"
    assert judged(source) == [("warning", 3, "missing")]


@pytest.mark.parametrize(
    ("source", "python", "words", "hint"),
    [
        ("import distutils.core", (3, 12), '"distutils" left the standard library in Python 3.12', "took its place"),
        ("import tomllib", (3, 10), "only from Python 3.11 on, and the image has 3.10", "backport"),
        ("import tkinter", (3, 12), "but this base does not have it", "system package"),
        ("import yml", (3, 12), '"yml" is imported, but nothing in the image provides it', "ignore-imports"),
        ("import bs4", (3, 12), '"bs4" is imported', 'add "beautifulsoup4" to the dependencies'),
        ("from shop.sibling_ import x", (3, 12), "the project has no such module", 'did you mean "shop.sibling"?'),
        ("import sibling", (3, 12), '"sibling" is imported', 'the project has "shop.sibling"'),
        ("from ... import x", (3, 12), 'beyond the top-level package "shop"', "from its top-level package on"),
    ],
)
def test_words(source: str, python: tuple[int, int], words: str, hint: str) -> None:
    (problem,) = found(source, Surroundings(LAYERS, Stdlib(STDLIB.names, python)), sibling="")
    assert words in problem.message
    assert problem.hint is not None
    assert hint in problem.hint
    assert str(problem).startswith("shop/main.py:1: ")


@pytest.mark.parametrize(
    ("module", "package", "kind", "severity", "option"),
    [
        ("pytest", "pytest", "group", "error", "--group dev"),
        ("boto3", "boto3", "extra", "warning", "--extra dev"),
        ("dateutil", "python-dateutil", "group", "error", "--group dev"),
        ("ruamel.yaml", "ruamel-yaml", "group", "error", "--group dev"),
        ("flask_login", "flask-login", "group", "error", "--group dev"),
    ],
)
def test_what_the_lock_has_but_was_not_asked_for(
    module: str, package: str, kind: str, severity: str, option: str
) -> None:
    around = Surroundings(LAYERS, STDLIB, uninstalled={package: (kind, "dev")})
    (problem,) = found(f"import {module}", around)
    assert problem.severity == severity
    assert problem.hint is not None
    assert package in problem.hint
    assert problem.hint.endswith(option)


def test_ignored_names_cover_what_lies_below_and_files_that_do_not_compile() -> None:
    around = Surroundings(LAYERS, STDLIB, ignored=frozenset({"missing", "shop.broken"}))
    assert found("import missing.deep\nimport missing", around, broken="def (") == ()
    assert judged("import missing_too", around) == [("error", 1, "missing_too")]


@pytest.mark.parametrize(
    "path",
    ["shop/tests/test_it.py", "shop/conftest.py", "shop/x_test.py", "shop/templates/app/main.py", "shop/my-skel/a.py"],
)
def test_code_that_stands_aside_only_warns(path: str) -> None:
    (problem,) = found("import missing", path=path)
    assert problem.severity == "warning"
    (problem,) = found("def (", path=path)
    assert problem.severity == "warning"


def test_a_folder_that_no_import_reaches_is_not_judged_for_relative_imports() -> None:
    assert found("from . import x\nfrom .y import z", path="shop/v1.2/main.py") == ()


def test_a_module_that_is_only_imported_with_a_way_out_is_optional() -> None:
    source = "try:\n    from . import turbo\nexcept ImportError:\n    turbo = None\n"
    problems = found(source, turbo="import missing\nfrom . import engine", engine="import lost")
    assert [(problem.severity, problem.module) for problem in problems] == [
        ("warning", "lost"),
        ("warning", "missing"),
    ]


def test_a_module_that_something_surely_imports_is_not_optional() -> None:
    source = "try:\n    from . import turbo\nexcept ImportError:\n    turbo = None\n"
    problems = found(source, turbo="import missing", other="import shop.turbo")
    assert [problem.severity for problem in problems] == ["error"]


def test_an_entry_point_is_never_optional() -> None:
    source = "def f():\n    from . import cli\n"
    entered = Surroundings(LAYERS, STDLIB, entries=frozenset({"shop.cli:main"}))
    assert [problem.severity for problem in found(source, cli="import missing")] == ["warning"]
    assert [problem.severity for problem in found(source, entered, cli="import missing")] == ["error"]


def test_a_module_that_several_files_miss_is_told_once() -> None:
    later = "def f():\n    import missing\n    import lost\n"
    problems = found(later, cli=later, engine="def f():\n    import missing\n    import missing.more\n")
    missing = '"missing" is imported, but nothing in the image provides it (when a function runs)'
    assert list(told(problems)) == [
        f"shop/cli.py:2: {missing}; 2 more files import it",
        f"shop/cli.py:3: {missing.replace('missing', 'lost', 1)}; 1 more file imports it",
    ]
    (alone,) = told(found("def f():\n    import missing\n    import missing.more\n"))
    assert alone == f"shop/main.py:2: {missing}"


STARTED = Surroundings(LAYERS, STDLIB, entries=frozenset({"shop.cli:main"}))


def test_what_no_script_reaches_may_need_a_group_that_was_left_out() -> None:
    files = {
        "cli": "from shop import engine\ndef main():\n    import shop.lazy\n",
        "engine": "import pytest",
        "lazy": "import absent",
        "broken": "x = (",
        "mistyped": "import shop.egnine",
    }
    around = STARTED._replace(uninstalled={"pytest": ("group", "dev")})
    problems = found("import pytest\nimport missing", around, path="shop/contrib/testing.py", **files)
    assert [(problem.severity, problem.path, problem.module) for problem in problems] == [
        ("error", "shop/broken.py", None),
        ("warning", "shop/contrib/testing.py", "pytest"),
        ("error", "shop/contrib/testing.py", "missing"),
        ("error", "shop/engine.py", "pytest"),
        ("warning", "shop/lazy.py", "absent"),
        ("error", "shop/mistyped.py", "shop.egnine"),
    ]
    assert problems[1].message.endswith("(in a module that may never be loaded)")


def test_what_no_script_reaches_and_needs_an_extra_may_need_more() -> None:
    around = STARTED._replace(uninstalled={"eventlet": ("extra", "eventlet")})
    source = "import greenlet\nimport shop.none\ndef run():\n    import eventlet\n"
    problems = found(source, around, path="shop/pool.py", cli="")
    assert [(problem.severity, problem.module) for problem in problems] == [
        ("warning", "greenlet"),
        ("error", "shop.none"),
        ("warning", "eventlet"),
    ]


def test_what_no_script_reaches_may_be_for_another_system() -> None:
    around = STARTED._replace(uninstalled={"pydivert": ("marker", 'sys_platform == "win32"')})
    (problem,) = found("import pydivert", around, path="shop/windows.py", cli="")
    assert (problem.severity, problem.hint) == (
        "warning",
        '"pydivert" may provide it, and is wanted only where sys_platform == "win32"',
    )


def test_what_no_script_reaches_may_need_an_extra_of_a_package() -> None:
    around = STARTED._replace(uninstalled={"h2": ("package", "twisted[http2]")})
    problems = found("import h2", around, path="shop/http.py", cli="import h2")
    assert [(problem.severity, problem.path) for problem in problems] == [
        ("error", "shop/cli.py"),
        ("warning", "shop/http.py"),
    ]
    assert problems[0].hint == '"h2" may provide it, which comes with "twisted[http2]": depend on that'


@pytest.mark.parametrize("path", ["shop/__main__.py", "shops.py", "shop/__init__.py", "acme/billing/__init__.py"])
def test_a_top_level_package_is_loaded_whatever_the_scripts_reach(path: str) -> None:
    files = {"shop/__init__.py": b"", "shop/cli.py": b"", path: b"import missing"}
    (problem,) = check(files.items(), STARTED).problems
    assert problem.severity == "error"


def test_of_scripts_only_the_one_that_is_started_is_loaded() -> None:
    files = {"shop/__init__.py": b"", "shop/till.py": b"import lost", "main.py": b"import shop.till"}
    files |= {"fill.py": b"import faker", "tools/dev.py": b"import nox"}
    around = Surroundings(LAYERS, STDLIB, entries=frozenset({"main"}), scripts=True)
    problems = check(files.items(), around).problems
    assert {problem.path: problem.severity for problem in problems} == {
        "fill.py": "warning",
        "shop/till.py": "error",
        "tools/dev.py": "warning",
    }
    around = around._replace(entries=frozenset())
    assert {problem.severity for problem in check(files.items(), around).problems} == {"error"}


def test_where_nothing_is_known_to_start_the_project_any_module_may() -> None:
    elsewhere = Surroundings(LAYERS, STDLIB, entries=frozenset({"gunicorn", "--bind", "uvicorn:main"}))
    for around in (AROUND, elsewhere):
        assert [problem.severity for problem in found("import missing", around)] == ["error"]


def test_a_plugin_of_another_program_only_warns() -> None:
    around = Surroundings(LAYERS, STDLIB, plugins=frozenset({"shop.main", "shop.other:hook"}))
    assert [problem.severity for problem in found("import pytest", around)] == ["warning"]
    assert [problem.severity for problem in found("import pytest", around, cli="import shop.main")] == ["error"]


def test_a_command_of_django_only_warns_since_it_is_loaded_by_its_name() -> None:
    path = "shop/management/commands/prune.py"
    assert [problem.severity for problem in found("import missing", path=path)] == ["warning"]
    loaded = found("import missing", path=path, views="import shop.management.commands.prune")
    assert [problem.severity for problem in loaded] == ["error"]


def test_one_of_several_settings_only_warns_since_it_is_chosen_by_its_name() -> None:
    path = "shop/settings/heroku.py"
    assert [problem.severity for problem in found("import missing", path=path)] == ["error"], "there is no choice"
    several: dict[str, Any] = {"settings/production": ""}
    assert [problem.severity for problem in found("import missing", path=path, **several)] == ["warning"]
    loaded = found("import missing", path=path, main="import shop.settings.heroku", **several)
    assert [problem.severity for problem in loaded] == ["error"]


def test_a_package_that_makes_its_modules_is_not_judged() -> None:
    files = {
        "shop/__init__.py": b"from shop.made import x\n",
        "shop/lazy/__init__.py": b"import sys\nsys.modules[__name__ + '.made'] = sys\n",
        "shop/main.py": b"import shop.lazy.made\nimport shop.fast.inner\nimport shop.absent\n",
        "shop/fast.cpython-312-x86_64-linux-gnu.so": b"",
    }
    problems = check(files.items(), AROUND).problems
    assert [(problem.path, problem.module) for problem in problems] == [
        ("shop/__init__.py", "shop.made"),
        ("shop/main.py", "shop.absent"),
    ]


def test_a_project_that_moves_the_search_path_may_import_its_files_by_their_bare_names() -> None:
    problems = found("import sys\nsys.path.insert(0, '.')\nimport inner, missing", inner="")
    assert [(problem.severity, problem.module) for problem in problems] == [
        ("warning", "inner"),
        ("error", "missing"),
    ]


def test_a_hook_may_provide_anything_but_a_module_of_the_project() -> None:
    around = Surroundings(LAYERS | provided(["pywin32.pth"]), STDLIB)
    assert judged("import missing\nimport shop.absent", around) == [
        ("warning", 1, "missing"),
        ("error", 2, "shop.absent"),
    ]


def test_namespaces_of_the_project_itself() -> None:
    files = {
        "acme/billing/__init__.py": b"from acme import billing, shipping\nfrom acme.data import rates\n",
        "acme/data/rates.json": b"{}",
    }
    problems = check(files.items(), AROUND).problems
    assert [problem.module for problem in problems] == ["acme.shipping", "acme.data.rates"]


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (b"x = 1\ndef (\n", 2, "invalid syntax"),
        (b"x = (\n", 1, "was never closed"),
        (b"x = 1\nreturn 1\n", 2, "'return' outside function"),
        (b"x = 1\n\n\0\n", 3, "null byte"),
        (b"# coding: nonsense\n", 1, "nonsense"),
        (b"x = '\xff'\n", 1, "utf-8"),
        (b"if x:\npass\n", 2, "expected an indented block"),
    ],
)
def test_a_file_that_does_not_compile(source: bytes, line: int, words: str) -> None:
    (problem,) = check([("shop/main.py", source)], AROUND).problems
    assert problem.severity == "error"
    assert problem.line == line
    assert words in problem.message
    assert problem.module is None


def test_encodings_and_byte_order_marks() -> None:
    latin = "# -*- coding: latin-1 -*-\nimport missing  # é\n".encode("latin-1")
    marked = b"\xef\xbb\xbfimport missing\n"
    for source, line in ((latin, 2), (marked, 1)):
        (problem,) = check([("main.py", source)], AROUND).problems
        assert (problem.line, problem.module) == (line, "missing")


def test_invalid_escapes_are_no_error() -> None:
    assert found(r"x = '\d'") == ()


def test_syntax_newer_than_the_target_is_an_error_and_newer_than_the_host_is_unknown() -> None:
    match = b"match 1:\n    case _:\n        pass\n"
    (problem,) = check([("main.py", match)], Surroundings(LAYERS, Stdlib(STDLIB.names, (3, 9)))).problems
    assert problem.severity == "error"
    assert "only supported in Python 3.10" in problem.message
    future = Surroundings(LAYERS, Stdlib(STDLIB.names, (3, HOST[1] + 1)))
    (problem,) = check([("main.py", b"import os\nfrom tomorrow import ?\n")], future).problems
    assert (problem.severity, problem.line) == ("unknown", 2)
    assert f"the host's Python {HOST[0]}.{HOST[1]} cannot judge" in problem.message
    assert judged("import missing", future) == [("error", 1, "missing")]


@pytest.mark.parametrize("source", ["(" * 5000 + ")" * 5000, "-" * 50000 + "1", "x" + ".x" * 20000])
def test_nesting_without_end_is_survived(source: str) -> None:
    (problem,) = found(source)
    assert problem.severity in {"error", "unknown"}


def test_a_long_chain_of_branches_is_followed_to_its_end() -> None:
    branches = "".join(f"elif os.a == {n}:\n    pass\n" for n in range(1, 300))
    chain = "import os\nif os.a == 0:\n    pass\n" + branches
    assert judged(chain + "else:\n    import missing\n") == [("warning", 603, "missing")]


@given(st.binary(max_size=200))
def test_no_source_raises(source: bytes) -> None:
    scan(source, HOST)


def test_failure_lists_what_is_certain() -> None:
    error = failure(found("import missing\nimport lost\ndef f():\n    import later\n"))
    assert error is not None
    assert error.where == "shop/main.py:1"
    assert error.message.splitlines()[1] == 'shop/main.py:2: "lost" is imported, but nothing in the image provides it'
    assert "later" not in error.message
    assert failure(found("def f():\n    import later\n")) is None
    many = failure(found("".join(f"import missing{n}\n" for n in range(15))))
    assert many is not None
    assert many.message.splitlines()[-1] == "and 5 more"


@pytest.mark.parametrize("place", ["", "src/", "lib/"])
def test_paths_are_shown_as_in_the_source_tree(place: str, tmp_path: Path) -> None:
    """Whether the bytes are those of the tree or a copy in a cache."""
    root = tmp_path / "project"
    source = root / place / "shop" / "main.py"
    source.parent.mkdir(parents=True)
    source.write_text("import missing\n")
    copy = tmp_path / "cache" / "0123"
    copy.parent.mkdir()
    copy.write_text("import missing\n")
    for content in (source, copy, b"import missing\n"):
        (problem,) = check([("shop/main.py", content)], AROUND, root=root).problems
        assert str(problem).startswith(f"{place}shop/main.py:1: ")


def test_a_generated_file_is_shown_as_it_is_installed(tmp_path: Path) -> None:
    copy = tmp_path / "0123"
    copy.write_text("import missing\n")
    (problem,) = check([("shop/_version.py", copy)], AROUND, root=tmp_path / "project").problems
    assert problem.path == "shop/_version.py"


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="cannot read"):
        check([("shop/main.py", tmp_path / "gone.py")], AROUND)


def test_what_importing_the_project_may_load() -> None:
    guarded = "try:\n    import a\nexcept ImportError:\n    pass\n"
    source = f"import os\nfrom requests import get, post\n{guarded}def f():\n    import b\n"
    checked = check([("shop.py", source.encode())], AROUND)
    assert checked.imported == {"os", "requests:get", "requests:post", "a"}


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(ContentStore(tmp_path / "cache"), "shop")


def test_unchanged_sources_are_not_parsed_again(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    from depsfirst.imports import scan as scanning

    parsed: list[bytes] = []

    def watched(source: bytes, python: tuple[int, int]) -> Scan:
        parsed.append(source)
        return scan(source, python)

    monkeypatch.setattr(scanning, "scan", watched)
    code = {"shop/a.py": b"import missing", "shop/b.py": b"from google.cloud import lost", "shop/c.py": b"def ("}

    def checked() -> Checked:
        parsed.clear()
        return check(code.items(), AROUND, memory=memory)

    first = checked()
    assert sorted(parsed) == sorted(code.values())
    assert checked() == first
    assert parsed == []
    code["shop/a.py"] = b"import os"
    second = checked()
    assert parsed == [b"import os"]
    assert [problem.path for problem in second.problems] == ["shop/b.py", "shop/c.py"]
    del code["shop/c.py"]
    assert len(checked().problems) == 1
    assert parsed == []


def test_another_target_is_another_memory(memory: Memory) -> None:
    code = [("a.py", b"import sys\nif sys.version_info >= (3, 11):\n    import missing\n")]
    old = Surroundings(LAYERS, Stdlib(STDLIB.names, (3, 10)))
    assert check(code, old, memory=memory).problems == ()
    new = Surroundings(LAYERS, Stdlib(STDLIB.names, (3, 11)))
    assert [problem.module for problem in check(code, new, memory=memory).problems] == ["missing"]


def test_digests_at_hand_are_believed(memory: Memory, tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_bytes(b"import missing")
    code, digests = [("a.py", source)], {"a.py": "0" * 64}
    first = check(code, AROUND, memory=memory, digests=digests)
    source.unlink()
    assert check(code, AROUND, memory=memory, digests=digests).problems[0].module == first.problems[0].module


def test_a_damaged_memory_is_replaced(memory: Memory) -> None:
    code = [("a.py", b"import missing")]
    first = check(code, AROUND, memory=memory)
    memory.store.remember("imports", memory.key, ["nonsense"])
    assert check(code, AROUND, memory=memory) == first


def test_what_a_wheel_provides() -> None:
    paths = [
        "pkg/__init__.py",
        "pkg/sub/mod.py",
        "single.py",
        "fast.cpython-312-x86_64-linux-gnu.so",
        "stable.abi3.so",
        "plain.so",
        "compiled/__init__.cpython-312-aarch64-linux-gnu.so",
        "sourceless.pyc",
        "ns/inner/__init__.py",
        "ns/lone.py",
        "pkg.libs/libz-1234.so.1",
        "pkg-1.0.dist-info/RECORD",
        "__pycache__/single.cpython-312.pyc",
        "data-only/x.json",
        "_distutils_hack/__init__.py",
        "distutils-precedence.pth",
        "x-nspkg.pth",
        "strange.pth",
        "moved-1.0.data/purelib/moved/__init__.py",
        "moved-1.0.data/scripts/run.py",
        "notes.txt",
        "typed.pyi",
    ]
    assert provided(paths) == Provided(
        frozenset({"pkg", "single", "fast", "stable", "plain", "compiled", "sourceless", "ns.inner", "ns.lone"})
        | {"_distutils_hack", "distutils", "moved"},
        frozenset({"ns", "data-only"}),
        frozenset({"strange.pth"}),
    )


def test_provided_adds_up_and_survives_a_memo() -> None:
    one, two = provided(["google/cloud/a/__init__.py"]), provided(["google/cloud/b.py", "x.pth"])
    both = one | two
    assert both.modules == {"google.cloud.a", "google.cloud.b"}
    assert both.namespaces == {"google", "google.cloud"}
    assert Provided.from_json(both.to_json()) == both


def test_every_error_in_what_is_installed_here_is_a_module_that_cannot_be_imported() -> None:
    """Held against the real interpreter: the libraries that run these tests, each as if it were the project."""
    import importlib.metadata
    import subprocess
    from pathlib import Path

    everything = {
        distribution.metadata["Name"]: [file for file in distribution.files or () if ".." not in file.parts]
        for distribution in importlib.metadata.distributions()
    }
    answers = {name: provided(map(str, files)) for name, files in everything.items()}
    stdlib = Stdlib(frozenset(sys.stdlib_module_names), HOST)
    accused = []
    for name in sorted(everything.keys() & {"anyio", "jeepney", "packaging", "pytest", "requests-toolbelt", "urllib3"}):
        others = Provided()
        for other, answer in answers.items():
            others = others if other == name else others | answer
        others = others._replace(hooks=frozenset())  # those of an editable install would make every error a warning
        code = [(str(file), Path(str(file.locate()))) for file in everything[name]]
        problems = check(code, Surroundings(others, stdlib)).problems
        accused += [problem.path for problem in problems if problem.severity == "error"]
    modules = sorted({path.removesuffix(".py").replace("/", ".") for path in accused})
    assert "urllib3.contrib.pyopenssl" in modules or importlib.util.find_spec("OpenSSL")
    for module in modules:
        done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False)
        assert b"ModuleNotFoundError" in done.stderr, module
