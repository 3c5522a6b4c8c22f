"""Real builds of a project before and after fixes: what the images hold, and what an edit runs again."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.built_pairs import read_plain
from tests.checks.conftest import checker
from tests.conftest import BUSY, LONG, absent, program

from depsfirst.checks.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scripts.built_pairs import Vertex

    from depsfirst.checks.model import Finding, Fix

REQUIREMENTS = Path(__file__).parents[2] / "requirements/managers.txt"
OFFLINE, MANAGERS, UV = "depsfirst-fixes", "depsfirst-managers", "depsfirst-fixes/uv"
"""Tags of the image that official ones stand for, without and with a package index; and the name of uv's."""

_BREAKS = "ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1\n"
_UV = "ENV UV_PYTHON_DOWNLOADS=never\n"
_WHEELS = {"alpha": "1.0", "beta": "2.1", "gamma": "0.3"}
_DEBIAN_PACKAGES = r"""
RUN rm -rf /etc/apt/sources.list* && echo 'deb [trusted=yes] file:/debs ./' > /etc/apt/sources.list && mkdir /debs \
 && cd /debs && for name in libalpha libbeta; do mkdir -p /tmp/$name/DEBIAN /tmp/$name/opt \
 && printf "Package: $name\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n" \
    > /tmp/$name/DEBIAN/control && touch /tmp/$name/opt/$name && dpkg-deb --build /tmp/$name $name.deb \
 && { cat /tmp/$name/DEBIAN/control; echo "Filename: ./$name.deb"; echo "Size: $(stat -c %s $name.deb)"; \
      echo "SHA256: $(sha256sum $name.deb | cut -d' ' -f1)"; echo; } >> Packages; done
"""
_HELD = """
import importlib, importlib.metadata, json, pathlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
found = {each.name.lower(): each for each in importlib.metadata.distributions()}
print(json.dumps({
    "packages": sorted((name, each.version) for name, each in found.items()),
    "debian": sorted(each.name for each in pathlib.Path("/opt").glob("lib*")),
    "files": sorted(str(file) for each in found.values() for file in each.files or () if file.suffix != ".pyc"),
    "installers": sorted((name, each.read_text("INSTALLER")) for name, each in found.items() if each.files),
}))
"""
_LOCKER = "depsfirst-fixes-locker"
_SIDE_BY_SIDE = 3


class Case(NamedTuple):
    """A project, the rules whose fixes are tried, and what they promise.

    Attributes:
        rules: their names; the fixes of all of them are made, those that are not safe too.
        files: all but the lock; ``CASE`` in them is the case's own word, ``TOKEN`` another one in each run.
        edits: what is edited together after the fixes: of each file a pattern and what comes in its place; of a build
            argument, which is written with a dollar sign, its value. ``NUMBER`` is another one in each run.
        kept: what the instructions have in them that must not run again then.
        quiet: whether no step at all may run again then.
        imports: modules that the image can import.
        python: the interpreter in the image.
        lock: the manager that makes the lock.
        cache: a directory that a cache mount has to have filled after the fixes.
        silences: what the builder says before the fixes, and not after them.
    """

    rules: tuple[str, ...]
    files: Mapping[str, str]
    edits: Mapping[str, tuple[str, str]]
    kept: str = r"install\b.* -r "
    quiet: bool = False
    imports: tuple[str, ...] = ("app",)
    python: str = "python3"
    lock: str = ""
    cache: str = ""
    silences: str = ""


class Held(NamedTuple):
    """What an image holds.

    Attributes:
        packages: the distributions with their versions, and the packages of Debian.
        files: of the distributions, but for bytecode, and who says to have installed them.
    """

    packages: str
    files: str


class Seen(NamedTuple):
    """What came of a case.

    Attributes:
        before: what the image holds before the fixes.
        after: the same after them.
        rules: those whose fixes were made.
        safe: whether all of the fixes are.
        left: what is still found, with its reasons.
        said: what the builder says before the fixes, and after them.
        steps: of the build after the edits.
        cached: whether the cache directory holds something.
    """

    before: Held
    after: Held
    rules: frozenset[str]
    safe: bool
    left: tuple[str, ...]
    said: tuple[str, str]
    steps: tuple[Vertex, ...]
    cached: bool


class Builder:
    """Builds with the daemon of the classic store."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients = [client for client in ("/usr/bin/docker", program("docker")) if Path(client).exists()]
        self._made: set[str] = set()

    def build(self, directory: Path, tag: str, *words: str, **arguments: str) -> str:
        """Build a directory; what the builder says."""
        self._made.add(tag)
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        return self._run("build", "--progress=plain", "--network=host", "-t", tag, *words, *given, str(directory))

    def output(self, tag: str, *command: str) -> str:
        """What a command says in an image."""
        return self._run("run", "--rm", "--network=none", tag, *command)

    def name(self, image: str, tag: str) -> None:
        """Give an image another name."""
        self._made.add(tag)
        self._run("tag", image, tag)

    def volume(self, directory: Path, tag: str, *command: str) -> str:
        """What a command says in an image with a directory at /p."""
        return self._run("run", "--rm", "--network=none", "-v", f"{directory}:/p", tag, *command)

    def remove(self) -> None:
        """Remove the names of all images that were built; the builder's cache is kept."""
        self._run("rmi", "--force", *sorted(self._made))

    def _run(self, *words: str) -> str:
        variables = {**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_HOST": self._url}
        command = [self._clients[0], *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False, env=variables)
        assert done.returncode == 0, " ".join(words) + "\n" + done.stdout + done.stderr
        return done.stdout + (done.stderr if words[0] == "build" else "")


def provide(builder: Builder, place: Path) -> None:
    """Make the images that the cases start from."""
    from uv import find_uv_bin

    (place / "wheels").mkdir()
    for name, version in _WHEELS.items():
        _wheel(place / "wheels", name, version)
    (place / "uv").write_bytes(Path(find_uv_bin()).read_bytes())
    (place / "uv").chmod(0o755)
    (place / "constraints.txt").write_text("".join(f"{name}=={pin}\n" for name, pin in pins().items()))
    try:
        builder.build(place, f"python:3.11-{OFFLINE}", "-f", str(_dockerfile(place, "offline", _offline())))
    except AssertionError as error:
        if "localbase" in str(error):
            absent("the base image localbase:1 is needed (python3 -m scripts.engines up)")
        raise
    for tag in (OFFLINE, f"3-{OFFLINE}"):
        builder.name(f"python:3.11-{OFFLINE}", f"python:{tag}")
    builder.build(place, f"python:3.11-{MANAGERS}", "-f", str(_dockerfile(place, "managers", _managers())))
    uv = f"{UV}:{importlib.metadata.version('uv')}"
    builder.build(place, uv, "-f", str(_dockerfile(place, "tool", "FROM scratch\nCOPY uv /uv\n")))
    locker = f"FROM python:3.11-{OFFLINE}\nCOPY --from={uv} /uv /usr/local/bin/\n"  # in the cache for all cases, too
    builder.build(place, _LOCKER, "-f", str(_dockerfile(place, "locker", locker)))


def pins() -> dict[str, str]:
    """The versions of the managers, and of what they need."""
    return dict(re.findall(r"(?m)^([\w.-]+)(?:\[[^\]]*\])?==([\w.]+)", REQUIREMENTS.read_text()))


def _offline() -> str:
    settings = "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels\n"
    uv = """RUN mkdir -p /etc/uv && printf 'no-index = true\\nfind-links = ["/wheels"]\\n' > /etc/uv/uv.toml\n"""
    return f"FROM localbase:1\nCOPY wheels /wheels\n{_BREAKS}{_UV}{settings}{uv}{_DEBIAN_PACKAGES}"


def _managers() -> str:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    constraint = (
        "COPY constraints.txt /etc/\nRUN printf '[install]\\nconstraint = /etc/constraints.txt\\n' > /etc/pip.conf\n"
    )
    return f"FROM localbase:1\n{_BREAKS}{_UV}{constraint}ENV POETRY_PYPI_MIRROR_URL={PYPI_SIMPLE_ENDPOINT}\n"


def _dockerfile(place: Path, name: str, text: str) -> Path:
    path = place / f"Dockerfile.{name}"
    path.write_text(text)
    return path


def _wheel(folder: Path, name: str, version: str) -> None:
    """A wheel with one empty module."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


def see_all(builder: Builder, cases: Mapping[str, Case], place: Path) -> dict[str, Seen | BaseException]:
    """Build some cases; a failure stands for what would have been seen.

    Those that share steps are built one after another, as two builds that run the same step at once do not find it in
    the cache later; all others side by side. The daemon also serves other tests meanwhile, so a case in which a step
    ran that must not, or for which it was too busy, is built once more, from its beginning: what an edit does run
    again runs again that time, too.
    """
    groups: dict[str, list[str]] = {}
    for name, case in cases.items():
        groups.setdefault(name if "CASE" in case.files["Dockerfile"] else case.lock, []).append(name)

    def of_group(names: list[str]) -> dict[str, Seen | BaseException]:
        return {name: _tried(builder, name, cases[name], place / name) for name in names}

    def again(name: str, found: Seen | BaseException) -> Seen | BaseException:
        if isinstance(found, BaseException):
            kept = not BUSY.search(str(found))
        else:
            kept = all(step.cached for step in installs(found.steps, cases[name].kept))
        return found if kept else _tried(builder, name, cases[name], place / "again" / name)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        results = list(pool.map(of_group, sorted(groups.values(), key=len, reverse=True)))
    return {name: again(name, found) for result in results for name, found in result.items()}


def _tried(builder: Builder, name: str, case: Case, root: Path) -> Seen | BaseException:
    try:
        return _see(builder, name, case, root)
    except BaseException as error:  # noqa: BLE001 - the test of the case raises it again
        return error


def _see(builder: Builder, name: str, case: Case, root: Path) -> Seen:
    tag, token = f"depsfirst-fixed-{name}", uuid.uuid4().hex
    _lay_out(case, root, {"CASE": name, "TOKEN": token})
    _lock(builder, case, root)
    first = builder.build(root, tag)
    before = _held(builder, case, tag)
    made, left = _mended(case, root)
    rules = frozenset(finding.rule for finding, _ in made)
    safe = all(fix.safe for _, fix in made)
    second = builder.build(root, tag)
    after = _held(builder, case, tag)
    arguments = _edited(root, case.edits, token)
    steps = tuple(read_plain(builder.build(root, tag, **arguments)))
    cached = bool(case.cache) and _is_filled(builder, root, case.cache.replace("TOKEN", token))
    return Seen(before, after, rules, safe, left, (first, second), steps, cached)


def _lay_out(case: Case, root: Path, words: Mapping[str, str]) -> None:
    pattern = "|".join(words)
    for path, text in case.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(re.sub(pattern, lambda found: words[found[0]], text).encode())


def _lock(builder: Builder, case: Case, root: Path) -> None:
    if case.lock == "uv":
        builder.volume(root, _LOCKER, "uv", "lock", "--quiet", "--directory", "/p")
    elif case.lock:
        from pypi_simple import PYPI_SIMPLE_ENDPOINT

        settings = {"POETRY_PYPI_MIRROR_URL": PYPI_SIMPLE_ENDPOINT, "PIPENV_IGNORE_VIRTUALENVS": "1"}
        variables = {**os.environ, **settings, "PIPENV_VENV_IN_PROJECT": "0"}
        variables.pop("VIRTUAL_ENV", None)
        command = [program(case.lock), "lock"]
        done = subprocess.run(
            command, cwd=root, env=variables, capture_output=True, text=True, timeout=LONG, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (root / ".pdm-python").unlink(missing_ok=True)
        shutil.rmtree(root / ".venv", ignore_errors=True)


def _mended(case: Case, root: Path) -> tuple[Sequence[tuple[Finding, Fix]], tuple[str, ...]]:
    run = checker(root, select=case.rules)
    mended, report = run.mended(unsafe=True)
    write(run.files, mended.files)
    left = tuple(f"{each.rule}: {each.message}: {each.no_fix}" for each in report.findings)
    return mended.made, left


def _held(builder: Builder, case: Case, tag: str) -> Held:
    """What an image holds in which the app can be imported."""
    found = json.loads(builder.output(tag, case.python, "-c", _HELD, *case.imports).splitlines()[-1])
    return Held(str([found["packages"], found["debian"]]), str([found["files"], found["installers"]]))


def _edited(root: Path, edits: Mapping[str, tuple[str, str]], token: str) -> dict[str, str]:
    """Edit files; the build arguments that come with the next build."""
    words = {
        path: text.replace("TOKEN", token).replace("NUMBER", str(int(token[:6], 16)))
        for path, (_, text) in edits.items()
    }
    for path, (pattern, _) in edits.items():
        if not path.startswith("$"):
            before = (root / path).read_text() if (root / path).exists() else ""
            after = re.sub(pattern, words[path], before, count=1)
            assert after != before, path
            (root / path).write_text(after)
    return {path[1:]: text for path, text in words.items() if path.startswith("$")}


def _is_filled(builder: Builder, root: Path, directory: str) -> bool:
    """Whether a cache mount holds something."""
    mount = f"RUN --mount=type=cache,target={directory} : {uuid.uuid4().hex}; find {directory} -type f | wc -l"
    path = _dockerfile(root.parent, f"probe-{root.name}", f"FROM python:3.11-{OFFLINE}\n{mount}\n")
    said = builder.build(root, "depsfirst-fixes-probe", "-f", str(path))
    return any(int(count) for count in re.findall(r"(?m)^#\d+ [\d.]+ (\d+)$", said))


def installs(steps: Iterable[Vertex], pattern: str) -> list[Vertex]:
    """The steps that must not run again."""
    return [step for step in steps if re.search(pattern, step.text)]
