"""Builds public projects as they are with the embedded engine, runs their images, and imports what they ship.

    python -m scripts.build_projects MIRRORS [--only TEXT] [--with docker|podman] [--write] [--keep DIRECTORY]

MIRRORS holds a git directory for each repository of `scripts/projects.toml`, which says which commit and directory of
it, and with which options. Each commit is checked out into scratch and built to the local Docker (as DOCKER_HOST says),
or to an archive that podman takes in. In the image, without a network, the modules of the project's distribution are
imported, each of its console scripts is asked for its help, and commands of the list are run. No file is edited.

Prints a row for each. Ends with 1 if one does not end as the list says. With ``--write`` the rows become those of
`docs/projects.json`, and `docs/projects.md` is written of it anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover
from depsfirst.project.model import normalize
from depsfirst.project.workspace import find_member
from depsfirst.trials.runners.podman import FLAGS
from scripts.compare_readings import git_directory
from scripts.project_pages import Row, write

if TYPE_CHECKING:
    from depsfirst.project.model import BuildSystem

REPOSITORY = Path(__file__).resolve().parent.parent
LIST = REPOSITORY / "scripts" / "projects.toml"
IMAGE = "depsfirst-project"

BUILD_SECONDS = 1800
RUN_SECONDS = 600
PYTHON = "/opt/venv/bin/python"

PROBE = """
import importlib, json, sys
from importlib import metadata
sys.argv = ["probe", sys.argv[1]]
found = metadata.distribution(sys.argv[1])
paths = [path.parts for path in found.files or () if path.suffix in (".py", ".so", ".pyd") and path.parts[0] != ".."]
packages = {path[:-1] for path in paths if path[-1].split(".")[0] == "__init__"}
tops = set()
for path in paths:
    name = path[-1].split(".")[0]
    parts = next((path[:n] for n in range(1, len(path)) if path[:n] in packages), None) or (*path[:-1], name)
    if all(part.isidentifier() for part in parts) and not parts[0].startswith("test"):
        tops.add(".".join(parts))
for name in sorted(tops):
    importlib.import_module(name)
scripts = sorted(entry.name for entry in found.entry_points if entry.group == "console_scripts" and not entry.extras)
said = {"modules": sorted(tops), "scripts": scripts, "version": found.version, "python": sys.version.split()[0]}
print("\\n" + json.dumps(said))
"""
"""Imports the top-level modules of a distribution; the last line it prints is what it found, as JSON."""


COUNT = "from importlib import metadata; print(len({found.name for found in metadata.distributions()}))"
"""Prints how many distributions an image has."""

MANY = 6


class Wanted(NamedTuple):
    """A row of the list.

    Attributes:
        repository: ``owner/name``.
        commit: its digest.
        directory: of the project.
        options: of ``depsfirst build``.
        run: commands that have to end with 0 in the image.
        scripts: whether its console scripts know ``--help``; the names of those that do, where not all of them do.
        refused: words of the error that is expected; None for a project that is expected to run.
        note: what a reader of the table should know.
    """

    repository: str
    commit: str
    directory: str = "."
    options: tuple[str, ...] = ()
    run: tuple[tuple[str, ...], ...] = ()
    scripts: bool | tuple[str, ...] = True
    refused: str | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """Repository and directory."""
        return self.repository if self.directory == "." else f"{self.repository} {self.directory}"


class FailedError(Exception):
    """A program in an image did not end as it should; the last line it said."""


class Machine(NamedTuple):
    """What runs images: ``docker`` or ``podman``."""

    program: str

    def output(self, scratch: Path) -> list[str]:
        """The options of a build that give it the image."""
        return ["--load"] if self.program == "docker" else ["-o", str(scratch / "image.tar")]

    def take(self, scratch: Path) -> None:
        """Take in what was written to an archive."""
        if self.program != "docker":
            called([self.program, "load", "-q", "-i", str(scratch / "image.tar")])
            (scratch / "image.tar").unlink()

    def run(self, program: str, *words: str) -> str:
        """What a program prints, in the image and without a network.

        Raises:
            FailedError: it does not end with 0.
        """
        more = shlex.split(os.environ.get(FLAGS, "")) if self.program == "podman" else []
        command = [self.program, "run", "--rm", "--network", "none", *more, "--entrypoint", program, IMAGE, *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise FailedError(f"{program} takes longer than {RUN_SECONDS} s") from None
        if done.returncode:
            raise FailedError(f"{program} ends with {done.returncode}: {last_line(done.stderr or done.stdout)}")
        return done.stdout

    def forget(self) -> None:
        """Remove the image."""
        subprocess.run([self.program, "rmi", "--force", IMAGE], capture_output=True, check=False)


def wanted(path: Path) -> list[Wanted]:
    """The rows of a list."""
    return [_wanted(table) for table in tomllib.loads(path.read_text())["project"]]


def _wanted(table: dict[str, Any]) -> Wanted:
    lists: dict[str, Any] = {"options": tuple(table.get("options", ()))}
    if "run" in table:
        lists["run"] = tuple(tuple(command) for command in table["run"])
    if isinstance(table.get("scripts"), list):
        lists["scripts"] = tuple(table["scripts"])
    return Wanted(**{**table, **lists})


def checked_out(project: Wanted, mirrors: Path, scratch: Path) -> Path:
    """The directory of a project at its commit, in a clone of its own: versions are made from tags."""
    called(
        [
            "git",
            "clone",
            "--quiet",
            "--no-checkout",
            "--shared",
            str(git_directory(mirrors, project.repository)),
            str(scratch),
        ]
    )
    command = [
        "git",
        "-C",
        str(scratch),
        "-c",
        "advice.detachedHead=false",
        "checkout",
        "--quiet",
        "--force",
        project.commit,
    ]
    subprocess.run(command, capture_output=True, check=False)  # a mirror may lack large files, which are left out
    done = subprocess.run(["git", "-C", str(scratch), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    if done.stdout.strip() != project.commit:
        raise SystemExit(f"{project.title}: the mirror does not have {project.commit}")
    return scratch / project.directory


def built(project: Wanted, directory: Path, machine: Machine, scratch: Path) -> Row:
    """A project's row: it is built, and its image is run."""
    member = member_of(project, directory)
    row = described(project, member)
    command = [sys.executable, "-m", "depsfirst", "build", str(directory), "-t", IMAGE, "--format", "json"]
    command += [*machine.output(scratch), *project.options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS, cwd=scratch)
    if done.returncode:
        return row._replace(result="refused", reason=error_of(done.stderr).replace(str(directory), "."))
    machine.take(scratch)
    try:
        return tried(row._replace(**figures(json.loads(done.stdout))), project, member, machine)
    except FailedError as error:
        return row._replace(result="fails", reason=str(error))


def member_of(project: Wanted, directory: Path) -> Path:
    """The directory of the member that the options name, else that of the project."""
    if "--package" not in project.options:
        return directory
    return find_member(directory, project.options[project.options.index("--package") + 1])


def described(project: Wanted, directory: Path) -> Row:
    """What a project's files say of it."""
    row = Row(project.title, project.commit, options=" ".join(project.options), note=project.note)
    try:
        found = discover(directory)
    except DepsfirstError:
        return row
    return row._replace(lock=lock_of(found.lock, directory), backend=backend_of(found.build_system))


def backend_of(system: BuildSystem | None) -> str:
    """The distribution of a build backend, or its module if it comes with the project."""
    if system is None:
        return ""
    names = [found[0] for each in system.requires if (found := re.match(r"[\w.-]+", each))]
    module = normalize(system.backend)
    return next((name for name in names if module.startswith(normalize(name))), system.backend)


def lock_of(lock: Path, directory: Path) -> str:
    """A lock's path and the version of its format; of requirements whether they have hashes."""
    name = lock.relative_to(directory).as_posix() if lock.is_relative_to(directory) else f"{lock.name} of the workspace"
    text = lock.read_text()
    if lock.name in {"pyproject.toml", "setup.py", "setup.cfg"} or lock.suffix == ".in":
        return "none"
    if lock.suffix == ".txt":
        return f"{name} with hashes" if "--hash=" in text else name
    version = re.search(r"""^lock[-_]version = "([\d.]+)|"pipfile-spec": (\d+)|\Aversion = (\d+)""", text, re.MULTILINE)
    return f"{name} {next(filter(None, version.groups()))}" if version else name


def figures(report: dict[str, Any]) -> dict[str, Any]:
    """The figures of a row, from the report of a build."""
    layers = report["layers"]
    ours = [layer for layer in layers if layer["kind"] in {"dependencies", "first-party", "code"}]
    return {
        "base": next(layer["title"] for layer in layers if layer["kind"] == "base"),
        "name": layers[-1]["title"].partition(" ")[0],
        "layers": len(ours),
        "megabytes": round(sum(layer["size"] for layer in ours) / 1e6, 1),
        "imported": report["import_check"],
    }


def tried(row: Row, project: Wanted, directory: Path, machine: Machine) -> Row:
    """The row of a project whose image runs.

    Raises:
        FailedError: something of it does not.
    """
    done: list[str] = []
    in_place = discover(directory).in_place is not None
    if in_place:
        row = row._replace(layout="no package", python=machine.run(PYTHON, "-V").split()[1])
    else:
        said = json.loads(machine.run(PYTHON, "-c", PROBE, row.name).splitlines()[-1])
        row = row._replace(layout=layout(said["modules"], directory), python=said["python"], version=said["version"])
        done.append(f"imports {counted(said['modules'])}")
        scripts = [each for each in said["scripts"] if project.scripts is True or each in (project.scripts or ())]
        for script in scripts:
            machine.run(script, "--help")
        done += [f"`{script} --help`" for script in scripts]
    for program, *words in project.run:
        machine.run(program, *words)
        done.append(f"`{' '.join([program, *words])}`")
    if not done:
        raise SystemExit(f"{project.title}: nothing of it was run; name a command in {LIST.name}")
    packages = json.loads(machine.run(PYTHON, "-c", COUNT))
    return row._replace(result="runs", ran=", ".join(done), packages=packages - (not in_place))


def layout(modules: list[str], directory: Path) -> str:
    """How a project's sources lie, in the words of the field."""
    tops = {module.partition(".")[0] for module in modules}
    if all("." in module for module in modules):
        return "namespace"
    if any((directory / "src" / top).exists() or (directory / "src" / f"{top}.py").exists() for top in tops):
        return "src"
    if all((directory / f"{top}.py").exists() for top in tops):
        return "module"
    return "flat" if all((directory / top).exists() for top in tops) else "other"


def counted(names: list[str]) -> str:
    """Names, or how many there are."""
    return ", ".join(names) if len(names) < MANY else f"{len(names)} names"


def error_of(said: str) -> str:
    """The error that a build ended with: its first line and its hint, without the words of what a project raised."""
    lines = said.splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith("error: ")), None)
    if start is None:
        return "\n".join(lines[-5:])
    hint = next((line for line in lines[start:] if line.startswith("hint: ")), "")
    error = re.sub(r"( in the image failed: [\w.]+): .*", r"\1", lines[start].removeprefix("error: "))
    return f"{error} {hint and f'({hint})'}".strip()


def last_line(said: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")


def as_expected(project: Wanted, row: Row) -> bool:
    """Whether a project ended as the list says."""
    if project.refused is None:
        return row.result == "runs"
    return row.result != "runs" and project.refused in row.reason


def called(command: list[str]) -> None:
    """Run a program that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f'"{" ".join(command)}" failed: {last_line(done.stderr)}')


def one(project: Wanted, options: argparse.Namespace, scratch: Path) -> Row:
    """Check a project out, build it, run it, and tidy up."""
    machine = Machine(options.program)
    folder = (options.keep or scratch) / project.title.replace("/", "+").replace(" ", "+")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return built(project, checked_out(project, options.mirrors, folder), machine, scratch)
    finally:
        machine.forget()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirrors", type=Path, metavar="MIRRORS", help="directory of git directories")
    parser.add_argument("--only", default="", metavar="TEXT", help="projects whose title has this in it")
    parser.add_argument(
        "--with", dest="program", choices=("docker", "podman"), default="docker", help="what runs images"
    )
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="check out below this, and leave it there")
    options = parser.parse_args()
    chosen = [project for project in wanted(LIST) if options.only in project.title]
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        for project in chosen:
            row = one(project, options, Path(scratch))
            rows.append(row)
            wrong += not as_expected(project, row)
            if options.write:
                write([row], [each.title for each in wanted(LIST)], REPOSITORY / "docs")
            print(row if as_expected(project, row) else f"{row}\n    not as the list says", flush=True)
    print(f"{len(rows)} projects, {sum(row.result == 'runs' for row in rows)} run, {wrong} not as the list says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
