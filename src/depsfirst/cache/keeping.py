"""What installers, exporters and downloads leave of the files that they find: all that was put there by name."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.nodes import Hidden, LostError, Node, Own, Tree, put
from depsfirst.dockerfile.installers.call import divide
from depsfirst.dockerfile.installers.model import Download, Export, Installation, Ownership, Unknown
from depsfirst.dockerfile.installers.tools import Tool, tool_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.cache.keys import Key
    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.shell import Command

_WRITTEN = re.compile(
    r"site-packages|dist-packages|\.?venv|env|node_modules|__pycache__|__pypackages__|build|dist|\.cache|\.pdm-.*|"
    r".*\.(?:egg-info|egg-link|pyc|so|lock|lockb)|package-lock\.json|pnpm-lock\.yaml|conda-lock\.yml|pylock.*\.toml|"
    r"\.python-version|_*(?:scm_)?version.*\.py",
    re.IGNORECASE,
)
"""Names of what installers, and the build backends that they call, write into a project."""
_SYSTEM = re.compile(
    "/(?:bin|boot|dev|etc|lib[^/]*|proc|run|sbin|sys|usr/(?:bin|include|lib[^/]*|sbin|share)|"
    "usr/local/(?:bin|etc|include|lib[^/]*|sbin|share)|var/(?:cache|lib|log|mail|run|spool))"
)
_SYSTEMS = frozenset({"apt-get", "apt", "aptitude", "apk", "dnf", "yum", "microdnf", "tdnf", "zypper", "pacman"})
_INSTALLERS = "pip pip-sync pip-compile pipx uv poetry pdm pipenv conda mamba micromamba pixi npm yarn pnpm build"
_FAMILIES = _SYSTEMS | frozenset(_INSTALLERS.split())
_QUIET_VERBS = (
    "--version -V config cache list freeze check show about self python update clean autoclean autoremove "
    "purge upgrade dist-upgrade del info search tree env use"
)
_QUIET = frozenset(_QUIET_VERBS.split())
_FOREIGN_VERBS = "add remove rm uninstall init new run exec x dlx start shell version publish self cache"
_FOREIGN = frozenset(_FOREIGN_VERBS.split())
"""Verbs that edit the project, or that run something else."""
_EDITORS = frozenset({"pipenv", "npm", "yarn", "pnpm"})
"""Installers that note in the manifest which packages they are told to install."""
_WORDS = re.compile("[a-z-]+")
_ACCOUNTS = frozenset({"useradd", "adduser", "groupadd", "addgroup", "usermod", "groupmod"})
_ACCOUNT_PLACES = ("/etc", "/home", "/var")


_ENVIRONMENT_OPTIONS = frozenset({"--prompt", "--python", "--link-mode", "--index-url", "--app-data", "--pip"})


class Work(NamedTuple):
    """Where an installer works.

    Attributes:
        directory: absolute; it may make new files there, as a virtual environment or a lock.
        deep: it may make new files below it as well, as building a project does.
    """

    directory: str
    deep: bool = True

    def reaches(self, path: str) -> bool:
        """Whether files may be new at a path, or below it."""
        below = self.deep and f"{path}/".startswith(f"{self.directory.rstrip('/')}/")
        return below or f"{self.directory}/".startswith(f"{path.rstrip('/')}/")


ANYWHERE = Work("/")


def kept(node: Node, key: Key, path: str = "", work: Work = ANYWHERE) -> Node:
    """What is at a path after a step that adds files, and changes none that was put there by name.

    Args:
        node: what was there.
        key: of the step.
        path: absolute; empty for the root.
        work: where it works, besides the directories of the system.
    """
    if not isinstance(node, Tree):
        return Hidden(key, path)
    if path and not work.reaches(path):
        return node

    def children() -> dict[str, Node | None]:
        found: dict[str, Node | None] = {}
        for name in node.names:
            child, below = node.child(name), f"{path}/{name}"
            if child is None or isinstance(child, Hidden) or _WRITTEN.fullmatch(name) or _SYSTEM.fullmatch(below):
                continue
            found[name] = kept(child, key, below, work) if isinstance(child, Tree) else child
        return found

    own = node.own if node.own.mode is not None or node.bottom is None else Own(None, node.own.owner, node.own.usual)
    source = (node.source[0], ("kept", node.source[1])) if node.source and not isinstance(node.below, Tree) else None
    return Tree(children, own, below=Hidden(key, path), source=source)


def with_accounts(root: Node, key: Key) -> Node:
    """The files after users or groups were added."""
    for place in _ACCOUNT_PLACES:
        root = put(root, place, Hidden(key, place))
    return root


def adds_accounts(command: Command) -> bool:
    """Whether a command adds or changes users or groups, and no directory of theirs elsewhere."""
    texts = [word.text or "-" for word in command.words[1:]]
    home = any(text.startswith(("-d", "--home", "-h")) for text in texts)
    return command.program in _ACCOUNTS and not home


def is_activation(command: Command) -> bool:
    """Whether a command takes the variables of a virtual environment, for as long as its shell runs."""
    named = command.texts[1] if command.texts[1:] else None
    return command.program in ("source", ".") and (named or "").endswith("bin/activate")


def environments_of(command: Command) -> tuple[str, ...]:
    """The virtual environments that a command makes, absolute; none where it is no such command, or not known."""
    tool = tool_of(command)
    if not isinstance(tool, Tool) or tool.name not in ("venv", "virtualenv", "uv") or command.cwd is None:
        return ()
    words = tool.words
    if tool.name == "uv":
        if [word.text for word in words[:1]] != ["venv"]:
            return ()
        words = words[1:]
    arguments = divide(words, _ENVIRONMENT_OPTIONS, {"-p": "--python"})
    names = [word.text for word in arguments.operands] or ([".venv"] if tool.name == "uv" else [])
    if arguments.open or None in names:
        return ()
    return tuple(posixpath.normpath(posixpath.join(command.cwd, name or "")) for name in names)


class Leaving:
    """Knows the commands of one RUN that leave alone what is there."""

    def __init__(self, findings: Callable[[], tuple[Finding, ...]]) -> None:
        self._read = findings
        self._findings: tuple[Finding, ...] | None = None

    def after(self, root: Node, key: Key, command: Command) -> Node:
        """The files after an installer, an exporter or a download.

        Raises:
            LostError: the command is none of them, or is not known to leave alone what is there.
        """
        if adds_accounts(command):
            return with_accounts(root, key)
        if is_activation(command):
            return root
        if made := environments_of(command):
            for path in made:
                root = put(kept(root, key, work=Work(path)), path, Hidden(key, path), trailing=True)
            return root
        found = [finding for finding in self._all() if finding.command == command and not finding.via]
        if any(isinstance(each, Installation | Export) and each.tool in _FAMILIES for each in found):
            root = kept(root, key, work=_work_of(found, command))
        elif not found and _is_quiet(command):
            return kept(root, key, work=Work(command.cwd or "/", deep=False))
        elif not any(isinstance(each, Download) and each.output for each in found):
            raise LostError(command.program)
        for path in _written_by(found):
            root = put(root, path, Hidden(key, path), trailing=True)
        return root

    def _all(self) -> tuple[Finding, ...]:
        if self._findings is None:
            self._findings = self._read()
        return self._findings


def _written_by(found: list[Finding]) -> Iterator[str]:
    """The paths that are said to be written.

    Raises:
        LostError: a command writes into the project's own files, or nobody knows where it writes.
    """
    for each in found:
        if isinstance(each, Unknown | Ownership):
            raise LostError(each.command.program)
        if isinstance(each, Installation) and _edits(each):
            raise LostError(each.verb)
        if isinstance(each, Download) and not each.output:
            raise LostError(each.what)
        if each.output:
            yield each.output
        if isinstance(each, Installation) and each.target:
            yield posixpath.join(each.command.cwd or "/", each.target)


def _edits(installation: Installation) -> bool:
    """Whether it edits the project's own files, or runs what may do so."""
    names = installation.tool in _EDITORS and installation.packages
    return bool(names) or bool(_FOREIGN & set(_verbs(installation.command)[:2]))


def _work_of(found: list[Finding], command: Command) -> Work:
    """Where the commands make new files."""
    installations = [each for each in found if isinstance(each, Installation)]
    building = [each for each in installations if each.with_project is not False]
    if any(each.project is None for each in building) or command.cwd is None:
        return ANYWHERE
    directories = {str(each.project) for each in building} or {command.cwd}
    return Work(posixpath.commonpath(directories), deep=bool(building))


def _verbs(command: Command) -> list[str]:
    """The words of a tool that are plain, its verb first."""
    tool = tool_of(command)
    texts = [word.text or "" for word in tool.words] if isinstance(tool, Tool) else []
    return [text for text in texts if _WORDS.fullmatch(text) and not text.startswith("-")] or texts


def _is_quiet(command: Command) -> bool:
    """Whether it is a verb of an installer that installs nothing and runs nothing."""
    tool = tool_of(command)
    if not isinstance(tool, Tool) or tool.name not in _FAMILIES:
        return False
    verb = (_verbs(command) or [""])[0]
    return verb in _QUIET or (verb == "remove" and tool.name in _SYSTEMS)
