"""What counts of RUN, COPY, ADD and WORKDIR besides their inputs, release by release."""

from __future__ import annotations

import re
from posixpath import basename, join
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.keys import Definition
from depsfirst.dockerfile.gopath import clean
from depsfirst.dockerfile.ignore import patterns_of
from depsfirst.dockerfile.instructions import Add, Copy
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from depsfirst.cache.build import Build
    from depsfirst.cache.keys import Place
    from depsfirst.dockerfile.buildkit import Version
    from depsfirst.dockerfile.instructions import Run, Transfer, Workdir
    from depsfirst.dockerfile.mounts import Mount

OWNERS: Version = (0, 11)
"""Since then files of stages and images differ by their owners, too."""

_EXPANDED_MODES: Version = (0, 16)  # before, --chmod is taken as it is written
_CHECKED_MODES: Version = (0, 9)  # before, one that cannot be read is not heeded
_DOTTED_DESTINATIONS: Version = (0, 12)  # before, "/." at a destination's end does not count
_BLANK_CACHES: Version = (0, 13)  # before, id and sharing of a cache always count
_DATED_DIRECTORIES: Version = (0, 22)  # before, SOURCE_DATE_EPOCH does not reach WORKDIR
_HOSTNAMES: Version = (0, 10)  # before, BUILDKIT_SANDBOX_HOSTNAME is not known

_MODES = re.compile(r"[ugoa]*([-+=]([rwxXst]*|[ugo]))+(,[ugoa]*([-+=]([rwxXst]*|[ugo]))+)*")
_GIT_PATH = re.compile(r"https?://[^?#]*\.git([?#].*)?")
_GIT_HOST = re.compile(r"(?:git|ssh)://|[\w.-]+@[^:/?#]+:")
_SMALLEST_ID, _LARGEST_ID = -(2**31), 2**31 - 1


def is_git(source: str) -> bool:
    """Whether ADD takes a source for a git repository."""
    return bool(_GIT_PATH.fullmatch(source) or _GIT_HOST.match(source))


def is_remote(source: str) -> bool:
    """Whether a source is no path: a URL or a git repository."""
    return source.startswith(("http://", "https://")) or is_git(source)


def owner_of(text: str) -> tuple[Hashable, ...]:
    """User and group as ``--chown`` and USER name them: a number, or a name that has to be looked up."""
    return tuple(_identity(part) for part in text.split(":", 1)) if text else ()


def _identity(part: str) -> Hashable:
    if part == "root":
        return 0
    if re.fullmatch("[-+]?[0-9]{1,10}", part) and _SMALLEST_ID <= int(part) <= _LARGEST_ID:
        return int(part)
    return part


def mode_of(text: str, written: str, version: Version, where: str) -> int | str | None:
    """What ``--chmod`` says: a number, a symbolic mode, or None for nothing.

    Args:
        text: with its variables expanded.
        written: as it is written.
        version: the BuildKit that builds.
        where: file and line, for errors.

    Raises:
        DepsfirstError: BuildKit refuses it.
    """
    if version < _EXPANDED_MODES:
        text = written
    if not text:
        return None
    if re.fullmatch("[0-7]+", text) and int(text.lstrip("0")[:12] or "0", 8) <= 0o7777:  # noqa: PLR2004
        return int(text, 8)
    if version < _CHECKED_MODES:
        return None
    if version >= _EXPANDED_MODES and _MODES.fullmatch(text):
        return text
    raise DepsfirstError(
        f'the mode "{text}" of "--chmod" cannot be read', where=where, hint="write it in octal digits, as 755"
    )


def destination_of(path: str, cwd: str, version: Version) -> str:
    """Where COPY puts files: absolute, with its last slash, which counts."""
    whole = clean(join("/", cwd, path))
    if path in {"", "."} or path.endswith("/"):
        return whole if whole == "/" else whole + "/"
    if path.endswith("/.") and version >= _DOTTED_DESTINATIONS:
        return f"{whole.rstrip('/')}/."
    return whole


class Action(NamedTuple):
    """One source of COPY or ADD, as far as it counts without its content.

    Attributes:
        kind: ``path``, ``url``, ``git`` or ``text``.
        name: the last part of its path; of a URL the file's name.
        below: with ``--parents`` the pattern below ``name``.
        text: of a heredoc.
        options: of a git repository.
    """

    kind: str
    name: str
    below: str | None = None
    text: str | None = None
    options: Hashable = None


def actions_of(transfer: Transfer) -> tuple[Action, ...]:
    """What counts of the sources, in their order, heredocs last."""
    parents = isinstance(transfer, Copy) and transfer.parents
    sources = tuple(_action(source, transfer, parents=parents) for source in transfer.sources)
    return sources + tuple(Action("text", document.name, text=document.text) for document in transfer.documents)


def _action(source: str, transfer: Transfer, *, parents: bool) -> Action:
    if isinstance(transfer, Add) and is_git(source):
        return Action("git", "/", options=transfer.keep_git_dir)
    if isinstance(transfer, Add) and is_remote(source):
        name = basename(re.sub("[?#].*", "", source.partition("://")[2].partition("/")[2]))
        return Action("url", name or "__unnamed__")
    if parents:
        start, pivot, below = source.partition("/./")
        start, below = (start, below) if pivot else ("/", source)
        return Action("path", _base(start), below=below if below.startswith("/") else clean("/" + below))
    return Action("path", _base(source))


def _base(source: str) -> str:
    return basename(clean("/" + source)) or "/"


def files_definition(transfer: Transfer, written: Transfer, place: Place, build: Build, inputs: Hashable) -> Definition:
    """What counts of a COPY or an ADD besides what it reads.

    Args:
        transfer: with its variables expanded.
        written: as it is written.
        place: what is in force.
        build: what the build is given.
        inputs: which inputs are one.

    Raises:
        DepsfirstError: BuildKit refuses its mode, or the kind of a source.
    """
    where = f"{build.file}:{transfer.line}"
    _check_sources(transfer, where)
    if transfer.exclude:
        patterns_of(transfer.exclude, where, build.version)
    unpacks = transfer.unpack if isinstance(transfer, Add) and transfer.unpack is not None else None
    return Definition(
        "files",
        (
            ("instruction", transfer.name if unpacks is None else f"ADD --unpack={unpacks}"),
            ("sources", actions_of(transfer)),
            ("destination", destination_of(transfer.destination, place.cwd, build.version)),
            ("--chown", owner_of(transfer.chown)),
            ("--chmod", mode_of(transfer.chmod, written.chmod, build.version, where)),
            ("--exclude", transfer.exclude),
            ("inputs", inputs),
        ),
    )


def _check_sources(transfer: Transfer, where: str) -> None:
    if not isinstance(transfer, Copy):
        return
    for source in transfer.sources:
        if is_remote(source):
            raise DepsfirstError(
                f'COPY cannot copy "{source}"', where=where, hint="use ADD, which fetches URLs and git repositories"
            )


def workdir_of(workdir: Workdir, cwd: str) -> str:
    """The working directory behind a WORKDIR: an absolute one as it is written, a relative one joined to the last."""
    if workdir.path.startswith("/"):
        return workdir.path
    return clean(join("/", cwd, workdir.path)) if workdir.path else cwd or "/"


def directory_definition(path: str, place: Place, build: Build) -> Definition:
    """What counts of a WORKDIR that makes a directory."""
    return Definition(
        "directory",
        (
            ("path", clean(path)),
            ("user", owner_of(place.user)),
            ("SOURCE_DATE_EPOCH", _epoch(place, build)),
        ),
    )


def _epoch(place: Place, build: Build) -> str | None:
    if build.version < _DATED_DIRECTORIES:
        return None
    given = build.arguments.get("SOURCE_DATE_EPOCH", place.scope.global_arguments.get("SOURCE_DATE_EPOCH"))
    return given.lstrip("0") or "0" if given else None


def run_definition(run: Run, mounts: Sequence[tuple[Mount, int | None]], place: Place, build: Build) -> Definition:
    """What counts of a RUN besides what it mounts.

    Args:
        run: with its variables expanded.
        mounts: its mounts in their order, with the number of the input that each shows; None for none.
        place: what is in force.
        build: what the build is given.

    Raises:
        DepsfirstError: BuildKit refuses a mount.
    """
    for mount, _ in mounts:
        _check_mount(mount, place, f"{build.file}:{run.line}")
    ssh = [mount for mount, _ in mounts if mount.type == "ssh"]
    environment = dict(place.scope.variables)
    if ssh:
        environment.setdefault("SSH_AUTH_SOCK", ssh[0].target or "/run/buildkit/ssh_agent.0")
    shm = () if not build.shm_size or build.version < _HOSTNAMES else (build.shm_size,)
    return Definition(
        "run",
        (
            ("command", run.argv(place.shell)),
            ("script", run.inline_file()),
            ("environment", tuple(environment.items())),
            ("working directory", place.cwd or "/"),
            ("user", place.user),
            ("mounts", _mount_fields(mounts, place, build)),
            ("network", _network(run, build)),
            ("security", run.security),
            ("devices", run.devices),
            ("added hosts", tuple(host.replace("=", ":").partition(":")[0] for host in build.add_hosts)),
            ("limits", (build.ulimits, shm, build.cgroup_parent)),
            ("hostname", build.arguments.get("BUILDKIT_SANDBOX_HOSTNAME") if build.version >= _HOSTNAMES else None),
            ("platform", str(place.platform)),
        ),
    )


def _check_mount(mount: Mount, place: Place, where: str) -> None:
    if mount.type in _SHOWN and mount_target(mount, place) == "/":
        hint = "give it a target=PATH below the root"
        raise DepsfirstError(f'a mount of type {mount.type} cannot stand at "/"', where=where, hint=hint)
    if mount.type == "ssh" and mount.source:
        raise DepsfirstError('a mount of type ssh has no "source"', where=where, hint="name the agent with id=NAME")


def _network(run: Run, build: Build) -> str:
    network = (build.network or "default") if run.network == "default" else run.network
    return "default" if network == "sandbox" else network


def mount_target(mount: Mount, place: Place) -> str:
    """Where a mount that is no secret and no agent stands."""
    return mount.target if mount.target.startswith("/") else clean(join("/", place.cwd, mount.target))


def _mount_fields(mounts: Sequence[tuple[Mount, int | None]], place: Place, build: Build) -> Hashable:
    files = [(mount_target(mount, place), mount, number) for mount, number in mounts if mount.type in _SHOWN]
    shown = tuple(
        (target, mount.type, number, mount.readonly, mount.size, _cache_identity(mount, target, build))
        for target, mount, number in sorted(files, key=lambda entry: entry[0])
    )
    secrets = tuple(_secret(mount) for mount, _ in mounts if mount.type == "secret")
    agents = tuple(_agent(mount) for mount, _ in mounts if mount.type == "ssh")
    return shown, secrets, agents


_SHOWN = frozenset({"bind", "cache", "tmpfs"})


def _cache_identity(mount: Mount, target: str, build: Build) -> Hashable:
    """Id and sharing of a cache as far as they count, and mode and owner of a new one."""
    if mount.type != "cache":
        return None
    made = _made_cache(mount, build.version)
    identity = f"{build.arguments.get('BUILDKIT_CACHE_MOUNT_NS', '')}/{mount.id or clean(mount.target)}"
    usual = target in (identity, identity.partition("/")[2]) and mount.sharing in ("", "shared")
    if build.version >= _BLANK_CACHES and not usual:
        return ("", "shared", made)
    return (identity, mount.sharing or "shared", made)


def _made_cache(mount: Mount, version: Version) -> Hashable:
    """Mode and owner of the directory that BuildKit makes for a cache, if any is said; they are compared by content."""
    said = (mount.mode, mount.uid, mount.gid)
    if said == (None, None, None) or clean("/" + mount.source) != "/":
        return None
    mode = 0o755 if mount.mode is None else mount.mode
    return (mode,) if version < OWNERS else (mode, mount.uid or 0, mount.gid or 0)


def _secret(mount: Mount) -> Hashable:
    name = mount.source or mount.id or basename(mount.target)
    target = mount.target or (f"/run/secrets/{basename(name)}" if mount.env is None else None)
    mode = 0o400 if mount.mode is None else mount.mode
    return (name, target, mode, mount.uid or 0, mount.gid or 0, mount.required, mount.env)


def _agent(mount: Mount) -> Hashable:
    mode = 0o600 if mount.mode is None else mount.mode
    return (mount.id, mount.target, mode, mount.uid or 0, mount.gid or 0, mount.required)
