"""The real import: the project's modules, in the image, by the image's own interpreter.

It runs whenever something changed that can change its result: the layers below the code, how the image runs, what the
code imports, or the modules to try. What passed is remembered.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Literal

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.trials.runners import Trial, UnavailableError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Image
    from depsfirst.trials.runners import Outcome, Runner

Mode = Literal["auto", "always", "never"]

TIMEOUT = 300.0
"""Seconds that an import may take: where the processor is much asked for, a good one has taken more than a minute."""

_MEMO = "verified"
_FIRST_PARTY = {"first-party", "code"}
_MARK = "depsfirst: importing "
_LEFT = "depsfirst: left "
_OURS = re.compile(r'File "<(?:string|frozen importlib\._bootstrap\w*)>", line \d+')
_TRACEBACK = "Traceback (most recent call last):"
_ENDED = "it ended Python with"
_SHOWN_LINES = 30
_KILLED = 137
_SEGFAULT = 139

# Imported as `import` does it, so that a traceback begins where the project does; ended without tidying up, which
# would wait for threads. `python -c` puts the working directory first on the path, a script of the image would not.
_PROGRAM = f"""\
import os, sys, traceback
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]
status = 0
for name in sys.argv[1:]:
    if "=" in name and not name.startswith("/"):
        os.environ.setdefault(*name.split("=", 1))
        continue
    lenient, name = name.startswith("?"), name.lstrip("?")
    module, _, attributes = name.replace("()", "").partition(":")
    sys.stderr.write("{_MARK}" + name + "\\n")
    sys.stderr.flush()
    try:
        if name.startswith("/"):
            with open(name, "rb") as source:
                compile(source.read(), name, "exec")
            continue
        __import__(module)
        found = sys.modules[module]
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
        if name.endswith("()"):
            found()
    except SystemExit as stop:
        status = 1 if stop.code and not lenient else 0
        if status:
            sys.stderr.write("{_ENDED} sys.exit(%r)\\n" % (stop.code,))
    except BaseException as error:
        if lenient and not isinstance(error, (ImportError, SyntaxError)):
            sys.stderr.write("{_LEFT}%s (%s)\\n" % (name, type(error).__name__))
            continue
        status = 1
        while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == "<string>":
            error.__traceback__ = error.__traceback__.tb_next
        traceback.print_exception(type(error), error, error.__traceback__)
    if status:
        break
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""


class Request(NamedTuple):
    """What to import, and where.

    Attributes:
        image: as it was written.
        python: absolute path of the interpreter in the image.
        modules: dotted modules, objects as ``module:object``, and absolute paths of sources that are to compile; with
            ``()`` an object is called. Behind a ``?`` only imports that fail count, not what else is raised.
            ``NAME=VALUE`` sets a variable for those that follow, unless the image has it.
        imported: all that importing first-party code asks for, of the static check.
        platform: ``linux/amd64``, …
        mode: ``auto`` runs what did not pass before, ``always`` runs and insists, ``never`` does not run.
        timeout: in seconds.
    """

    image: Image
    python: str
    modules: tuple[str, ...]
    imported: frozenset[str]
    platform: str
    mode: Mode = "auto"
    timeout: float = TIMEOUT


class Verdict(NamedTuple):
    """What is known of an import.

    Attributes:
        state: ``passed``, ``skipped`` or ``failed``.
        reason: why it was skipped or failed; ``before`` if it passed in an earlier build.
        runner: what ran it, if anything did.
        module: what could not be imported.
        output: the last lines of what it said.
        seconds: how long it took.
    """

    state: Literal["passed", "skipped", "failed"]
    reason: str = ""
    runner: str = ""
    module: str = ""
    output: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.state == "passed":
            return f"passed {self.reason}".strip()
        return f"{self.state}: {self.reason}"


def known(request: Request, store: ContentStore) -> Verdict | None:
    """The verdict, if it can be told without running anything."""
    if request.mode == "never":
        return Verdict("skipped", "it was not wanted")
    if not request.modules:
        return Verdict("skipped", "the project has no module to import")
    if request.mode == "auto" and store.recall(_MEMO, _key(request)) is not None:
        return Verdict("passed", "before")
    return None


def verify(request: Request, store: ContentStore, runners: Sequence[Runner]) -> Verdict:
    """Import the modules in the first runner that can run the image.

    Never raises for what the import does; ``failure`` makes an error of a verdict.
    """
    verdict = known(request, store)
    if verdict is not None:
        return verdict
    command = (request.python, "-B", "-X", "faulthandler", "-c", _PROGRAM, *request.modules)
    trial = Trial(request.image, command, request.platform, request.timeout)
    began, reasons = time.monotonic(), []
    for runner in runners:
        try:
            outcome = runner.run(trial)
        except UnavailableError as error:
            reasons.append(f"{runner.name}: {error}")
            continue
        verdict = _judged(outcome, request, runner.name, time.monotonic() - began)
        if verdict.state == "passed":
            store.remember(_MEMO, _key(request), {"modules": request.modules, "runner": runner.name})
        return verdict
    return Verdict("skipped", "; ".join(reasons) or "nothing here can run the image")


def failure(verdict: Verdict, mode: Mode = "auto") -> DepsfirstError | None:
    """The error that ends a build: a failed import, or one that could not be tried though it was insisted on."""
    if verdict.state == "failed":
        return DepsfirstError(
            f'importing "{verdict.module}" in the image failed: {verdict.reason}\n{verdict.output}'.rstrip(),
            where=f"import check ({verdict.runner})",
            hint="mend it; a program or a library of the system comes by --system-package; or name other modules under"
            " imports in [tool.depsfirst], or build with --verify never",
        )
    if verdict.state == "skipped" and mode == "always":
        return DepsfirstError(
            f"the import could not be tried: {verdict.reason}",
            where="import check",
            hint="build with --verify auto to go without, or where docker, podman or user namespaces can be used",
        )
    return None


def _judged(outcome: Outcome, request: Request, runner: str, seconds: float) -> Verdict:
    if outcome.status == 0:
        left = [line.removeprefix(_LEFT) for line in outcome.output.splitlines() if line.startswith(_LEFT)]
        return Verdict("passed", f"but for {', '.join(left)}" if left else "", runner, seconds=seconds)
    lines = outcome.output.splitlines()
    marks = [at for at, line in enumerate(lines) if line.startswith(_MARK)]
    module = lines[marks[-1]].removeprefix(_MARK) if marks else request.modules[0]
    said = [line for line in lines[marks[-1] + 1 if marks else 0 :] if line.strip() and not _OURS.search(line)]
    output = "\n".join(said[-_SHOWN_LINES:])
    return Verdict("failed", _reason(outcome.status, said, request.timeout), runner, module, output, seconds)


def _reason(status: int | None, said: list[str], timeout: float) -> str:
    if status is None:
        return f"it took longer than {timeout:g} s"
    if status == _SEGFAULT:
        return "the interpreter crashed"
    if status == _KILLED:
        return "the interpreter was killed, as happens without enough memory"
    return _raised(said) or f"the interpreter ended with status {status}"


def _raised(said: list[str]) -> str | None:
    """The first line of what was raised last, whose message may have many; else the last line there is."""
    last = next((at for at, line in reversed(list(enumerate(said))) if line.startswith(_TRACEBACK)), None)
    if last is None or said[-1].startswith(_ENDED):
        return said[-1] if said else None
    return next((line for line in said[last + 1 :] if not line[0].isspace()), said[-1])


def _key(request: Request) -> str:
    """All that the result depends on, but for the code itself: its imports stand for it."""
    settings = request.image.config.get("config") or {}
    runs = {name: settings.get(name) for name in ("Env", "User", "WorkingDir")}
    below = [layer.diff_id for layer in request.image.layers if layer.kind not in _FIRST_PARTY]
    inputs = [below, runs, request.python, request.modules, sorted(request.imported), request.platform, _PROGRAM]
    return digests.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def top_level(paths: Iterable[str]) -> tuple[str, ...]:
    """The top-level modules and packages of a project, from the paths of its files below site-packages."""
    from depsfirst.imports.modules import provided

    return tuple(sorted(name for name in provided(paths).modules if name.replace(".", "").isidentifier()))
