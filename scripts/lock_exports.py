"""What a lock's own manager exports from it, evaluated for one environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from depsfirst.project.model import MAIN, normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from depsfirst.project.model import Environment, Lock, Project

_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})")
_ANY_HASH = re.compile(r"\s--hash[= ]\S+")
_LOCAL = re.compile(r"(-e\s+)?(\.|/|file:)")
_EGG = re.compile(r"(?:-e\s+)?(?P<url>\S+?)#(?:.*&)?egg=(?P<name>[A-Za-z0-9._-]+)\S*")


class Choice(NamedTuple):
    """Groups besides the main one, and extras."""

    groups: tuple[str, ...]
    extras: tuple[str, ...]

    @property
    def title(self) -> str:
        """As options."""
        return (
            " ".join([*(f"--group {name}" for name in self.groups), *(f"--extra {name}" for name in self.extras)])
            or "main"
        )


class Package(NamedTuple):
    """What is compared of a package: its version or the place it comes from, and its hashes."""

    version: str | None
    hashes: frozenset[str]
    direct: str | None = None


class Exporter:
    """Asks managers, each thing once.

    Args:
        environments: all that will be asked about.
    """

    def __init__(self, environments: Sequence[Environment]) -> None:
        self._environments = environments
        self._known: dict[object, tuple[int, str, str]] = {}

    def exported(
        self, project: Project, lock: Lock, environment: Environment, choice: Choice
    ) -> dict[str, Package] | str:
        """The packages by name, or why there are none."""
        if lock.format == "pylock":
            return _by_packaging(project, environment, choice)
        if lock.format == "requirements":
            code, out, err = self._run(project, [sys.executable, "-c", _PIP, project.lock.name], project.lock.parent)
        elif lock.format == "pdm" and "inherit_metadata" not in project.lock.read_text().partition("[[package]]")[0]:
            code, out, err = self._run(project, _pdm_words(self._environments, choice))
            return _by_pdm(out, environment) if code == 0 else err.strip().splitlines()[-1]
        else:
            code, out, err = self._run(project, [*_program(project, lock), *_WORDS[lock.format](choice)])
        return _held(out, environment, choice) if code == 0 else (err or out).strip().splitlines()[-1]

    def _run(self, project: Project, words: list[str], directory: Path | None = None) -> tuple[int, str, str]:
        key = (str(project.root), *words)
        if key not in self._known:
            done = subprocess.run(
                words, cwd=directory or project.root, env=_environment(), capture_output=True, text=True, check=False
            )
            self._known[key] = (done.returncode, done.stdout, done.stderr or "no words")
        return self._known[key]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}} | {
        "POETRY_VIRTUALENVS_CREATE": "false",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_CONFIG": "0",
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "PIPENV_VERBOSITY": "-1",
        "PIPENV_PYTHON": sys.executable,
        "PDM_CHECK_UPDATE": "0",
        "PDM_IGNORE_SAVED_PYTHON": "1",
        "NO_COLOR": "1",
        "COLUMNS": "1000",
    }


def _uv(choice: Choice) -> list[str]:
    words = ["export", "--quiet", "--frozen", "--no-emit-local", "--no-header", "--no-annotate"]
    words += ["--no-default-groups", *(f"--group={group}" for group in choice.groups)]
    return words + [f"--extra={extra}" for extra in choice.extras]


def _poetry(choice: Choice) -> list[str]:
    words = ["export", "--format=requirements.txt", "--no-ansi", "--only", ",".join([MAIN, *choice.groups])]
    return words + [f"--extras={extra}" for extra in choice.extras]


def _pdm(choice: Choice) -> list[str]:
    words = ["export", "--no-extras"]
    if choice.groups and choice.extras:
        return [*words, "-G", ":all"]
    if choice.groups:
        return [*words, "-d", *(word for name in choice.groups for word in ("-G", name))]
    return [*words, "--prod", *(word for name in choice.extras for word in ("-G", name))]


def _pipenv(choice: Choice) -> list[str]:
    names = ["dev-packages" if name == "dev" else name for name in choice.groups]
    categories = ["--categories", " ".join([*names, "packages"])] if names else []
    return ["requirements", "--hash", *categories]


def _program(project: Project, lock: Lock) -> list[str]:
    """The manager; for locks of Poetry 1 that one, if there is a ``poetry-1``, since Poetry 2 exports too little."""
    if lock.format == "poetry" and 'lock-version = "2.1"' not in project.lock.read_text() and shutil.which("poetry-1"):
        return ["poetry-1"]
    return [lock.format]


_WORDS = {"uv": _uv, "poetry": _poetry, "pdm": _pdm, "pipenv": _pipenv}


_RESOLVED_BY_PDM = """
import sys
from pdm.core import Core
from pdm.cli.actions import resolve_from_lockfile
from pdm.environments import BaseEnvironment
from pdm.models.markers import EnvSpec
BaseEnvironment._build_session = lambda self: None  # nothing is fetched
environments, *groups = sys.argv[1:]
project = Core().create_project(".")
project.project_config["use_uv"] = False
wanted = [each for group in groups for each in project.get_dependencies(group)]
for environment in environments.split():
    print("@", environment)
    python, _, platform = environment.partition("/")
    try:
        found = resolve_from_lockfile(project, wanted, groups, EnvSpec.from_spec(f"=={python}", platform, "cpython"))
    except Exception as error:
        print("!", error)
        continue
    for candidate in (package.candidate for package in found if not package.candidate.req.extras):
        hashes = " ".join("--hash=" + file["hash"] for file in candidate.hashes)
        line = f"{candidate.name}=={candidate.version}" if candidate.req.is_named else candidate.req.as_line()
        print(line.partition(";")[0], hashes)
"""


def _by_pdm(said: str, environment: Environment) -> dict[str, Package] | str:
    """What PDM resolved for one of the environments it was asked about."""
    _, _, after = said.partition(f"@ {_pdm_environment(environment)}\n")
    lines = after.partition("\n@ ")[0]
    return lines.partition("\n")[0] if lines.startswith("!") else _held(lines, environment)


def _pdm_environment(environment: Environment) -> str:
    return f"{environment.version}/manylinux_2_40_{environment.markers()['platform_machine']}"


def _pdm_words(environments: Sequence[Environment], choice: Choice) -> list[str]:
    """The words that resolve a lock without inherited metadata, which PDM does not export, inside of PDM."""
    program = shutil.which("pdm")
    interpreter = Path(program).read_text().partition("\n")[0].removeprefix("#!").strip() if program else "pdm"
    groups = ["default", *choice.groups, *choice.extras]
    asked = " ".join(_pdm_environment(each) for each in environments)
    return [interpreter, "-c", _RESOLVED_BY_PDM, asked, *groups]


_PIP = """
import sys
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements
from pip._internal.req.constructors import install_req_from_parsed_requirement
for parsed in parse_requirements(sys.argv[1], session=PipSession()):
    if parsed.constraint:
        continue
    each = install_req_from_parsed_requirement(parsed)
    hashes = " ".join(f"--hash={kind}:{value}" for kind, values in each.hash_options.items() for value in values)
    if parsed.is_editable or each.req is None:
        print(f"{'-e ' if parsed.is_editable else ''}{parsed.requirement} {hashes}")
    else:
        marker = f" ; {each.markers}" if each.markers else ""
        print(f"{str(each.req).partition(';')[0]}{marker} {hashes}")
"""


def _held(exported: str, environment: Environment, choice: Choice | None = None) -> dict[str, Package]:
    """The third-party requirements of an export whose markers hold, by name."""
    found: dict[str, Package] = {}
    variables: dict[str, str | AbstractSet[str]] = dict(environment.markers())
    variables["dependency_groups"] = {"default", *(choice.groups if choice else ())}
    for line in _lines(exported):
        hashes = frozenset(_HASH.findall(line))
        text = _ANY_HASH.sub("", line).strip()
        egg = _EGG.match(text)
        if egg and "://" in egg["url"]:
            text = f"{egg['name']} @ {egg['url']}"
        elif _LOCAL.match(text):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            found[text] = Package(None, hashes, "not understood")
            continue
        if requirement.url and requirement.url.startswith(("file:", ".")):
            continue
        if requirement.marker is None or requirement.marker.evaluate(variables, context="lock_file"):
            found[normalize(requirement.name)] = _package(requirement, hashes)
    return found


def _lines(exported: str) -> Iterator[str]:
    for line in re.sub(r"\\\n", " ", exported).splitlines():
        text = re.sub(r"(^|\s+)#.*$", "", line) if "#egg" not in line and "#sub" not in line else line
        if text.strip() and (not text.startswith("-") or text.startswith("-e ")):
            yield text.strip()


def _package(requirement: Requirement, hashes: frozenset[str]) -> Package:
    if requirement.url:
        url, _, fragment = requirement.url.partition("#")
        kept = [part for part in fragment.split("&") if part.startswith("subdirectory=")]
        hashed = {part.removeprefix("sha256=") for part in fragment.split("&") if part.startswith("sha256=")}
        return Package(None, hashes | hashed, "#".join([url, *kept]))
    return Package(str(Version(str(requirement.specifier).removeprefix("==="[:3]).lstrip("="))), hashes)


def _by_packaging(project: Project, environment: Environment, choice: Choice) -> dict[str, Package] | str:
    import tomli
    from packaging.pylock import Pylock, PylockSelectError
    from packaging.utils import parse_wheel_filename

    values = tomli.loads(project.lock.read_text())
    for package in values["packages"]:
        package["name"] = normalize(package["name"])  # as PEP 751 wants it, and pipenv does not write it
    pylock = Pylock.from_dict(values)
    tags = {
        tag
        for package in pylock.packages
        for wheel in package.wheels or ()
        for tag in parse_wheel_filename(wheel.filename)[3]
    }
    groups = [*(pylock.default_groups or ()), *choice.groups]
    try:
        picked = pylock.select(
            environment=environment.markers(),  # type: ignore[arg-type]
            tags=sorted(tags, key=str),
            extras=choice.extras,
            dependency_groups=groups,
        )
        return {str(package.name): _locked(package) for package, _ in picked if package.directory is None}
    except PylockSelectError as error:
        return str(error)


def _locked(package: object) -> Package:
    values = json.loads(json.dumps(package, default=lambda each: getattr(each, "__dict__", str(each))))
    files = [*(values["wheels"] or ()), *([values["sdist"]] if values["sdist"] else ())]
    if values["archive"]:
        files.append(values["archive"])
    hashes = frozenset(file["hashes"]["sha256"] for file in files)
    if values["vcs"]:
        return Package(None, hashes, f"git+{values['vcs']['url']}@{values['vcs']['commit_id']}")
    return Package(None, hashes, values["archive"]["url"]) if values["archive"] else Package(values["version"], hashes)
