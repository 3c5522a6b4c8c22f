"""What an image starts: the file that it is, and what a person should know where nobody has named it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.plan import VENV
from depsfirst.project.in_place import MANAGE, module_of

if TYPE_CHECKING:
    from depsfirst.plan import Plan, Runtime
    from depsfirst.project.model import Project

PYTHON = f"{VENV}/bin/python"
_NAME_IT = "Nothing says what the image starts: name it here."
_GUESSED = "Guessed from the names of the files; change it if the image starts something else."
_SERVER = """\
This lists what Django can do. Name the server here, as in
CMD ["{bin}/gunicorn", "{module}.wsgi", "--bind", "0.0.0.0:8000"]"""


def started(project: Project, runtime: Runtime) -> str | None:
    """The file that starts code that is no package, relative to the project's directory; None if none is known."""
    program, *words = (*runtime.entrypoint, *runtime.cmd, "")
    if project.in_place is None or program != PYTHON or not (words[0] == "-m" or words[0].endswith(".py")):
        return None
    module = (module_of(words) or "").replace(".", "/")
    files = [f"{folder}/{module}.py".removeprefix("./") for folder in project.in_place.paths]
    return next((file for file in files if (project.root / file).is_file()), None)


def unsaid(plan: Plan, runtime: Runtime) -> str:
    """What stands above the command of an image that nobody has named, in lines; empty if somebody has."""
    if plan.settings.entrypoint or plan.settings.cmd or runtime.entrypoint:
        return ""
    found = plan.project.in_place
    if found is None or not found.start:
        return _NAME_IT
    if found.start == (MANAGE,):
        module = (found.settings or "project").partition(".")[0]
        return _SERVER.format(bin=f"{VENV}/bin", module=module)
    return _GUESSED
