"""Where a project's version is written, and what these texts become when it rises."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from depsfirst.cache.changes import Change, Edit
from depsfirst.cache.manifests import PYPROJECT, SETUP, SETUP_CFG
from depsfirst.dockerfile.filetree import Directory
from depsfirst.errors import DepsfirstError
from depsfirst.project.model import normalize
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.manifests import Place

_VERSION_LINE = re.compile(r"""(?m)^[ \t]*version[ \t]*=[ \t]*["']""")
_ASSIGNED = r"""(?m)^(?P<head>\s*(?:__version__|VERSION|version)\s*(?::[^=\n]+)?=\s*['"])(?P<version>[^'"\n]+)"""
_KEYWORD = r"""(?P<head>\bversion\s*=\s*['"])(?P<version>[^'"\n]+)"""
_SETUP_CFG = r"(?m)^(?P<head>version\s*[=:]\s*)(?P<version>[^\s:]+)\s*$"
_ROOTS = ("", "src", "lib", "python")
_SOURCE_CONTROL = re.compile(
    r"setuptools[-_.]scm|hatch[-_.]vcs|versioningit|versioneer|poetry-dynamic-versioning|uv-dynamic-versioning"
    r"|setuptools-git-versioning|dunamai|pbr|use_scm_version",
    re.IGNORECASE,
)
_FILES = ("_version.py", "version.py", "__version__.py", "__about__.py", "__init__.py")
_HEAD = ".git/HEAD"
_PIXI_OWN = r"(?m)^\s*- pypi: \./?\s*$"


def version_bump(places: Sequence[Place]) -> Change:
    """The edit of what holds the version of the first project that has one, its own entry in the lock included.

    Raises:
        DepsfirstError: no version is found, or a manifest is broken.
    """
    for place in places:
        for find in (_static, _from_file, _from_setup, _from_source_control, _from_package):
            change = find(place)
            if change is not None:
                return change
    where = ", ".join(f'"{place.directory or "."}"' for place in places)
    raise DepsfirstError(
        "no version of the project is found" + (f" in {where}" if where else ": no manifest is found"),
        hint="name the files that a new version edits, as in `depsfirst why pyproject.toml`",
    )


def risen(version: str) -> str:
    """A version after the given one: its last number is one more."""
    found = re.match(r"(?s)(.*?)(\d+)(\D*)$", version)
    return f"{found[1]}{int(found[2]) + 1}{found[3]}" if found else f"{version}.1"


def _change(origin: str, *edits: Edit) -> Change:
    return Change("version-bump", tuple(edits), origin)


def _static(place: Place) -> Change | None:
    """The version that pyproject.toml says itself."""
    text = place.text(PYPROJECT)
    tables = [("project",), ("tool", "poetry")]
    keys = [keys for keys in tables if isinstance(_value(place.pyproject.values, keys), str)]
    if text is None or not keys:
        return None
    version = str(_value(place.pyproject.values, keys[0]))
    after: str | None = text
    for each in keys:
        after = after and _with_version(after, each, str(_value(place.pyproject.values, each)), place.path(PYPROJECT))
    name = f"[{'.'.join(keys[0])}] of {place.path(PYPROJECT)}"
    edits = [Edit(place.path(PYPROJECT), text, after), *_locked(place)]
    return _change(f'the version "{version}" in {name}', *edits)


def _value(values: Any, keys: tuple[str, ...]) -> object:
    for key in (*keys, "version"):
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _with_version(text: str, keys: tuple[str, ...], version: str, where: str) -> str | None:
    """The manifest with the next version; None where its line is written in a way that is not understood."""
    header = re.search(rf"(?m)^[ \t]*\[[ \t]*{re.escape('.'.join(keys))}[ \t]*\][ \t]*(?:#.*)?$", text)
    start = header.end() if header else 0
    following = re.compile(r"(?m)^[ \t]*\[").search(text, start) if header else None
    lines = _VERSION_LINE.finditer(text, start, following.start() if following else len(text))
    found = next((each for each in lines if text.startswith((f'{version}"', f"{version}'"), each.end())), None)
    if found is None:
        return None
    after = text[: found.end()] + risen(version) + text[found.end() + len(version) :]
    expected = parse(text, where)
    table: Any = expected
    for key in keys:
        table = table[key]
    table["version"] = risen(version)
    return after if parse(after, where) == expected else None


def _locked(place: Place) -> Iterator[Edit]:
    """The project's own entry in the lock of a manager that writes one."""
    for folder in place.folders():
        path = posixpath.join(folder, "uv.lock")
        text = place.texts(path)
        if text is not None:
            after = _uv_lock(text, place, posixpath.relpath(place.directory or ".", folder or "."))
            yield from [Edit(path, text, after)] if after else []
            break
    text = place.text("pixi.lock")
    if text is not None and re.search(_PIXI_OWN, text):
        yield Edit(place.path("pixi.lock"), text)  # a hash of the manifest changes with it


def _uv_lock(text: str, place: Place, directory: str) -> str | None:
    """uv.lock with the next version; None where the project has no entry with a version."""
    name = normalize(str(place.project.values.get("name", "")))
    own = re.compile(
        rf'\[\[package\]\]\nname = "{re.escape(name)}"\nversion = "(?P<version>[^"\n]*)"\n'
        rf'source = \{{ (?:editable|directory|virtual) = "{re.escape(directory)}" \}}\n'
    )
    found = own.search(text)
    return found and text[: found.start("version")] + risen(found["version"]) + text[found.end("version") :]


def _from_file(place: Place) -> Change | None:
    """The file that a backend is told to read the version from."""
    for origin, name, pattern in _configured(place):
        text = place.text(name)
        if text is not None:
            return _change(f"{origin} names {place.path(name)}", _file_edit(place, name, text, pattern))
    return None


def _configured(place: Place) -> Iterator[tuple[str, str, str | None]]:
    """Who names a file with the version, the file, and how the version stands there (None: it is all there is)."""
    hatch = place.tool("hatch").table("version")
    if "path" in hatch:
        yield "[tool.hatch.version]", hatch.text("path"), _ASSIGNED
    pdm = place.tool("pdm").table("version") if isinstance(place.tool("pdm").values.get("version"), dict) else None
    if pdm is not None and "path" in pdm:
        yield "[tool.pdm.version]", pdm.text("path"), _ASSIGNED
    dynamic = place.tool("setuptools").table("dynamic").values.get("version")
    dynamic = dynamic if isinstance(dynamic, dict) else {}
    for name in _listed(dynamic.get("file")):
        yield "[tool.setuptools.dynamic]", name, None
    for name in _attribute_files(place, dynamic.get("attr")):
        yield "[tool.setuptools.dynamic]", name, _ASSIGNED
    written = place.setup_cfg.get("metadata", {}).get("version", "")
    kind, colon, value = (part.strip() for part in written.partition(":"))
    if colon and kind == "file":
        yield "setup.cfg", value, None
    if colon and kind == "attr":
        yield from (("setup.cfg", name, _ASSIGNED) for name in _attribute_files(place, value))
    requires = place.backend_requirements
    if "maturin" in requires or "setuptools-rust" in requires:
        yield "the build backend", "Cargo.toml", r'(?m)^(?P<head>version\s*=\s*")(?P<version>[^"\n]+)'
    if "flit" in requires:
        module = place.tool("flit").table("module").maybe_text("name") or place.name
        yield from (("flit", name, _ASSIGNED) for name in _module_files(module))


def _listed(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _attribute_files(place: Place, attribute: object) -> Iterator[str]:
    """Where ``package.module.attribute`` may be defined."""
    module = str(attribute).rpartition(".")[0] if isinstance(attribute, str) else ""
    configured = place.tool("setuptools").table("package-dir").values.get("")
    if module:
        yield from _module_files(module, *([configured] if isinstance(configured, str) else []))


def _module_files(module: str, *roots: str) -> Iterator[str]:
    path = module.replace(".", "/")
    for root in (*roots, *_ROOTS):
        yield f"{root}/{path}/__init__.py".lstrip("/")
        yield f"{root}/{path}.py".lstrip("/")


def _file_edit(place: Place, name: str, text: str, pattern: str | None) -> Edit:
    if pattern is None:
        return Edit(place.path(name), text, re.sub(r"\S+", lambda found: risen(found[0]), text, count=1))
    found = re.search(pattern, text)
    if found is None:
        return Edit(place.path(name), text)
    after = text[: found.start("version")] + risen(found["version"]) + text[found.end("version") :]
    return Edit(place.path(name), text, after)


def _from_setup(place: Place) -> Change | None:
    """The version that setup.cfg or setup.py says itself."""
    for name, pattern in ((SETUP_CFG, _SETUP_CFG), (SETUP, _KEYWORD)):
        text = place.text(name)
        if text is not None and re.search(pattern, text):
            return _change(f"the version in {place.path(name)}", _file_edit(place, name, text, pattern))
    return None


def _from_source_control(place: Place) -> Change | None:
    """A version that is made from git's tags: a new one is a new commit or tag, of which a builder sees ``.git``."""
    says = place.backend_requirements
    hatch, pdm = place.tool("hatch").table("version"), place.tool("pdm").values.get("version")
    vcs = hatch.values.get("source") == "vcs" or (isinstance(pdm, dict) and pdm.get("source") == "scm")
    if not vcs and not _SOURCE_CONTROL.search(says):
        return None
    sees = isinstance(place.context.tree.children.get(".git"), Directory)
    origin = "the version comes from git" + ("" if sees else ", which the build context does not have")
    return _change(origin, *([Edit(_HEAD)] if sees else []))


def _from_package(place: Place) -> Change | None:
    """A version that stands in the package and that nothing points at."""
    for root in _ROOTS:
        for name in _FILES:
            path = f"{root}/{place.name}/{name}".lstrip("/")
            text = place.text(path) if place.name else None
            if text is not None and re.search(_ASSIGNED, text):
                return _change(f"the version in {place.path(path)}", _file_edit(place, path, text, _ASSIGNED))
    return None
