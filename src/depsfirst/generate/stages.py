"""The stages of a Dockerfile as text, each with the reason why it is one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.generate.exports import needs_tomli
from depsfirst.generate.scheme import CACHE, TOMLI, UV
from depsfirst.plan import VENV

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.generate.scheme import Own, Scheme

_TOOLS = "/opt/tools"
_BACKEND = f"{_TOOLS}/backend"
_RECIPE = "/opt/recipe"
_LIBRARIES = "/libraries"
_CODE = "/code"
"""What is copied from a stage stands alone in its directory: BuildKit looks at all that is beside it."""
_PACKAGES_CACHE = f"--mount=type=cache,target={CACHE}"
_BYTECODE = [
    "# Their bytecode, but for their tests: a layer that is packed and fetched while the one below it is.",
    f"RUN {VENV}/bin/python -m compileall -qq -j 0 -x '/tests?/' {VENV}/lib || true",
]
"""A file that Python cannot compile is a template, or for another version; nothing imports it."""
_PASSWORD = "--mount=type=secret,id=netrc,target=/root/.netrc"  # noqa: S105 - where one would be


def base(scheme: Scheme) -> str:
    """What the image and its build have in common."""
    more = ", and the system's packages that it needs" if scheme.system else ""
    lines = [f"# What the image and its build have in common: Python{more}.", f"FROM {scheme.image} AS base"]
    if scheme.system:
        lines += _apt(scheme.system)
    return _text(lines)


def tools(scheme: Scheme) -> str:
    """The installer."""
    lines = [
        "# The installer, pinned. Nothing of it gets into the image.",
        "FROM base AS tools",
        f"ARG {UV.argument}={UV.version}",
    ]
    wanted = [f'"{UV.requirement}"']
    if needs_tomli(scheme.export, scheme.python):
        lines.append(f"ARG {TOMLI.argument}={TOMLI.version}")
        wanted.append(f'"{TOMLI.requirement}"')
    if scheme.secret:
        lines += _index_comment()
    lines += _block("ENV", _environment(scheme))
    lines += [
        *_run(
            "--mount=type=cache,target=/root/.cache/pip",
            *_secret(scheme),
            f"python3 -m pip install --disable-pip-version-check --target {_TOOLS} {' '.join(wanted)}",
        ),
        "WORKDIR /build",
    ]
    return _text(lines)


def recipe(scheme: Scheme) -> str | None:
    """What tells the third-party set; None where files of the context do already."""
    export = scheme.export
    if not export.command:
        return None
    lines = [
        "# The recipe: third-party packages alone. A new version of the project or another setting of a tool runs this",
        "# stage again, but it then writes what it wrote before, and the next stage is keyed by what it writes.",
        "FROM tools AS recipe",
    ]
    if export.tools:
        first, *others = export.tools
        lines += [f"ARG {pin.argument}={pin.version}" for pin in export.tools]
        words = [f'uv tool install --quiet "{first.requirement}"', *(f'--with "{pin.requirement}"' for pin in others)]
        lines += _run(_PACKAGES_CACHE, *_secret(scheme), " ".join(words))
    lines += _copies(_unique([*export.files, *export.archives]))
    lines += _dropped_comment(export.command)
    lines += _run(*export.command)
    return _text(lines)


def dependencies(scheme: Scheme) -> str:
    """The environment of third-party packages, on which the image stands."""
    apart = _is_installed_apart(scheme)
    lines = _installed_apart(scheme) if apart else []
    lines += ["# The dependencies, on which the image stands. They are installed again only if the recipe is another."]
    lines += [] if apart else ["# uv is there for this one command."]
    lines += ["FROM base AS dependencies"]
    if apart:
        lines.append(f"COPY --from=installed {VENV} {VENV}")
    else:
        uv = f"{_TOOLS}/bin/uv"
        lines += _recipe_copies(scheme, f"{_RECIPE}/")
        lines += _run(_PACKAGES_CACHE, _mount("tools", _TOOLS), *_installation(scheme, uv, f"{_RECIPE}/"))
    lines += _BYTECODE
    return _text(lines)


def _is_installed_apart(scheme: Scheme) -> bool:
    """Whether installing takes or tells what has no place in the image, nor in its history."""
    return bool(scheme.sources or scheme.build_system or scheme.export.archives or scheme.indexes.named)


def _installed_apart(scheme: Scheme) -> list[str]:
    """A stage that installs, of which the environment alone gets into the image."""
    lines = ["# What is installed, in a stage of its own: nothing else of it gets into the image or its history."]
    lines += ["FROM tools AS installed"]
    lines += _sources(scheme.sources)
    lines += _apt(scheme.build_system) if scheme.build_system else []
    lines += _recipe_copies(scheme, "./")
    lines += _copies(scheme.export.archives)
    lines += _run(_PACKAGES_CACHE, *_secret(scheme), *_installation(scheme, "uv", ""))
    return [*lines, ""]


def _recipe_copies(scheme: Scheme, target: str) -> list[str]:
    """Instructions that bring what the installer reads; copied and not mounted, as podman keys no mount by content."""
    export = scheme.export
    origin, place = ("--from=recipe ", "/build/") if export.command else ("", "")
    results = export.files if export.result in export.files else (export.result,)
    return [
        f"COPY {origin}{' '.join(place + name for name in names)} {target}{directory}"
        for directory, names in _by_directory(results).items()
    ]


def _installation(scheme: Scheme, uv: str, place: str) -> list[str]:
    export = scheme.export
    options = [f"--python {VENV}", "--link-mode copy"]
    options += ["--no-deps"] if export.complete else []
    options += ["--require-hashes"] if export.hashed else []
    options += ["--index-strategy unsafe-best-match"] if _many_indexes(scheme) else []
    return [
        f"{uv} venv --quiet --no-python-downloads {VENV}",
        f"&& {uv} pip install {' '.join([*options, *export.options])}",
        f"    --requirements {place}{export.result}",
    ]


def backend(scheme: Scheme) -> str | None:
    """What builds the project, if it is built."""
    if not scheme.packages:
        return None
    requires = _unique([each for own in scheme.packages for each in own.requires])
    lines = [
        "# What builds the project: `requires` of [build-system] in pyproject.toml. In a stage of its own, so that an",
        "# edit of the code is built without the network.",
        "FROM tools AS backend",
    ]
    wanted = " ".join(_double_quoted(each) for each in requires)
    install = [f"&& uv pip install --python {_BACKEND} {wanted}"] if wanted else []
    lines += _run(_PACKAGES_CACHE, *_secret(scheme), f"uv venv --quiet {_BACKEND}", *install)
    return _text(lines)


def libraries(scheme: Scheme) -> str | None:
    """First-party libraries, which change less often than the project."""
    if not scheme.libraries:
        return None
    lines = [
        "# First-party libraries: a layer of their own, since they change less often than the project.",
        "FROM dependencies AS libraries",
        *_versions(scheme.libraries, "LIBRARIES_VERSION"),
        *_build_environment(),
        *(f"COPY {each.directory} {each.directory}" for each in scheme.libraries),
    ]
    builds = [_build(each, _LIBRARIES) for each in scheme.libraries]
    lines += _run(
        *_backend_mounts(), *_joined([*builds, _install(_LIBRARIES), _compile(_LIBRARIES), _laid(_LIBRARIES)])
    )
    return _text(lines)


def code(scheme: Scheme) -> str:
    """The project itself."""
    return _package_stage(scheme) if scheme.own.package else _tree_stage(scheme)


def _package_stage(scheme: Scheme) -> str:
    own = scheme.own
    lines = ["# The project alone, in a prefix of its own; then the proof: it is imported with what it will have."]
    lines += [f"FROM {_below(scheme)} AS code"]
    lines += _versions([own], "VERSION")
    lines += [] if scheme.libraries else _build_environment()
    lines += ["COPY . ." if own.directory == "." else f"COPY {own.directory} {own.directory}"]
    proof = [_laid(_CODE), [f"cd / && {_proof(scheme)}"]] if scheme.imports else []
    lines += _run(*_backend_mounts(), *_joined([_build(own, _CODE), _install(_CODE), _compile(_CODE), *proof]))
    return _text(lines)


def _tree_stage(scheme: Scheme) -> str:
    own = scheme.own
    lines = [
        "# The code, which is run where it stands. What does not compile is named and left, as a template would be"
        + (f"; only\n# {scheme.started} has to." if scheme.started else "."),
        f"FROM {_below(scheme)} AS code",
        f"WORKDIR {_tree(scheme)}",
        "COPY . ." if own.directory == "." else f"COPY {own.directory} ./",
    ]
    path = scheme.runtime.env.get("PYTHONPATH", "").replace(scheme.runtime.workdir, _tree(scheme))
    proof = [[f"{VENV}/bin/python -m py_compile {scheme.started}"]] if scheme.started else []
    proof += [[f"PYTHONPATH={path} {_proof(scheme)}"]] if scheme.imports else []
    compiled = f"{VENV}/bin/python -m compileall -q . || true"
    lines += _run(*_joined([[f"{{ {compiled}; }}"], *proof]) if proof else [compiled])
    return _text(lines)


def final(scheme: Scheme) -> str:
    """The image."""
    run = scheme.runtime
    environment = {"PATH": f"{VENV}/bin:$PATH", "VIRTUAL_ENV": VENV, "PYTHONUNBUFFERED": "1"}
    lines = ["# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone."]
    lines += ["FROM dependencies AS final"]
    lines += _block("LABEL", {name: _quoted(value) for name, value in run.labels.items()}) if run.labels else []
    lines += _block("ENV", environment | {name: _quoted(value) for name, value in run.env.items()})
    lines += [f"USER {run.user}", f"WORKDIR {run.workdir}"]
    lines += [f"EXPOSE {' '.join(run.ports)}"] if run.ports else []
    lines += [f"COPY --from=libraries {_LIBRARIES}/venv {VENV}"] if scheme.libraries else []
    place = (f"{_CODE}/venv", VENV) if scheme.own.package else (_tree(scheme), run.workdir)
    lines += [f"COPY --from=code {' '.join(place)}"]
    lines += [f"# {line}" for line in scheme.unsaid.splitlines()]
    lines += [f"ENTRYPOINT {_words(run.entrypoint)}"] if run.entrypoint else []
    lines += [f"CMD {_words(run.cmd)}"] if run.cmd else []
    return _text(lines)


def _environment(scheme: Scheme) -> dict[str, str]:
    values = {
        "PATH": f"{_TOOLS}/bin:/root/.local/bin:$PATH" if scheme.export.tools else f"{_TOOLS}/bin:$PATH",
        "UV_LINK_MODE": "copy",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if scheme.indexes.default:
        values |= dict.fromkeys(("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), _quoted(scheme.indexes.default))
    if scheme.indexes.others:
        values["UV_INDEX"] = _quoted(" ".join(scheme.indexes.others))
    return values


def _index_comment() -> list[str]:
    return ["# Passwords for an index are read from a secret, which no layer keeps: --secret id=netrc,src=$HOME/.netrc"]


def _dropped_comment(command: Sequence[str]) -> list[str]:
    dropped = any(line.removeprefix("&& ").startswith("sed ") for line in command)
    return ["# Lines of directories are dropped: first-party code has stages of its own."] if dropped else []


def _sources(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    verb = "comes" if len(names) == 1 else "come"
    return [
        f"# {', '.join(names)} {verb} as source. What is not pure Python needs a compiler here:",
        "# RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev",
    ]


def _by_directory(paths: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        directory, slash, _ = path.rpartition("/")
        found.setdefault(directory + slash, []).append(path)
    return found


def _copies(paths: Sequence[str]) -> list[str]:
    return [f"COPY {' '.join(names)} ./{directory}" for directory, names in _by_directory(paths).items()]


def _build(own: Own, place: str) -> list[str]:
    directory = "" if own.directory == "." else f" {own.directory}"
    options = f"--offline --no-build-isolation --python {_BACKEND}"
    return [f"uv build --wheel {options}", f"    --out-dir {place}/dist{directory}"]


def _install(place: str) -> list[str]:
    """What installs the wheels that were built there, into a prefix beside them."""
    return [f"uv pip install --python {VENV} --prefix {place}/venv --offline --no-deps {place}/dist/*.whl"]


def _compile(place: str) -> list[str]:
    """What makes bytecode there; not uv, which fails where Python takes a minute to start, as in emulation."""
    return [f"{{ {VENV}/bin/python -m compileall -qq {place}/venv/lib || true; }}"]


def _laid(place: str) -> list[str]:
    """What lays a prefix over the environment."""
    return [f"cp -R {place}/venv/. {VENV}"]


def _proof(scheme: Scheme) -> str:
    return f'{VENV}/bin/python -B -c "{"; ".join(scheme.imports)}"'


def _versions(projects: Sequence[Own], argument: str) -> list[str]:
    """What tells backends the versions that they would ask git for."""
    variables = _unique([each.version_variable or "" for each in projects])
    if not variables:
        return []
    whose = "Its version comes" if argument == "VERSION" else "A version comes"
    return [
        f"# {whose} from git, whose history is left out: --build-arg {argument}=1.2.3",
        f"ARG {argument}=0.0.0",
        *_block("ENV", dict.fromkeys(variables, f"${{{argument}}}")),
    ]


def _below(scheme: Scheme) -> str:
    """The stage that has all that the project needs."""
    return "libraries" if scheme.libraries else "dependencies"


def _tree(scheme: Scheme) -> str:
    """Where code that is no package stands until it is copied."""
    return f"{_CODE}/{scheme.runtime.workdir.strip('/')}".rstrip("/")


def _build_environment() -> list[str]:
    """What a stage needs that builds with what is mounted."""
    values = {"PATH": f"{_TOOLS}/bin:$PATH", "UV_LINK_MODE": "copy", "UV_PYTHON_DOWNLOADS": "never"}
    return [*_block("ENV", values), "WORKDIR /build"]


def _backend_mounts() -> list[str]:
    """What builds, and what uv knows of the interpreter."""
    return [_PACKAGES_CACHE, _mount("backend", _TOOLS)]


def _mount(stage: str, place: str) -> str:
    return f"--mount=type=bind,from={stage},source={place},target={place}"


def _many_indexes(scheme: Scheme) -> bool:
    """Whether uv has to look into all indexes, not the first that knows a name: hashes say what it may take."""
    return bool(scheme.indexes.others) and scheme.export.hashed


def _secret(scheme: Scheme) -> list[str]:
    return [_PASSWORD] if scheme.secret else []


def _apt(packages: Sequence[str]) -> list[str]:
    return _run(
        "apt-get update",
        f"&& apt-get install -y --no-install-recommends {' '.join(packages)}",
        "&& rm -rf /var/lib/apt/lists/*",
    )


def _joined(steps: Sequence[Sequence[str]]) -> list[str]:
    """Steps of a shell command, each after the one before has succeeded."""
    lines = list(steps[0])
    for first, *rest in steps[1:]:
        lines += [f"&& {first}", *rest]
    return lines


def _run(*lines: str) -> list[str]:
    first, *rest = lines
    return _continued([f"RUN {first}", *(f"    {line}" for line in rest)])


def _block(keyword: str, values: dict[str, str]) -> list[str]:
    pairs = [f"{name}={value}" for name, value in values.items()]
    return _continued([f"{keyword} {pairs[0]}", *(f"    {pair}" for pair in pairs[1:])])


def _continued(lines: Sequence[str]) -> list[str]:
    return [*(line if line.endswith("\\") else f"{line} \\" for line in lines[:-1]), lines[-1]]


def _quoted(text: str) -> str:
    """A value as a word of a Dockerfile."""
    flat = " ".join(text.split("\n"))
    plain = flat and all(letter.isalnum() or letter in "-_./:@+=," for letter in flat)
    return flat if plain else _double_quoted(flat)


def _double_quoted(text: str) -> str:
    """A text as a word that the shell, or a Dockerfile, reads as it stands."""
    for mark in ("\\", '"', "$", "`"):
        text = text.replace(mark, f"\\{mark}")
    return f'"{text}"'


def _words(command: Sequence[str]) -> str:
    from json import dumps

    return dumps(list(command), ensure_ascii=False)


def _unique(texts: Sequence[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
