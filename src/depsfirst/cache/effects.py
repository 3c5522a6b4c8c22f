"""What a RUN does to the files below it, where that is known without running it."""

from __future__ import annotations

import re
from posixpath import dirname, join
from typing import TYPE_CHECKING

from depsfirst.cache.definitions import mount_target, owner_of
from depsfirst.cache.keeping import Leaving, kept
from depsfirst.cache.keys import ContextContent, ResultContent
from depsfirst.cache.nodes import (
    ROOT,
    Derived,
    Exported,
    File,
    Fresh,
    Hidden,
    LostError,
    Node,
    Own,
    Packed,
    Placed,
    Tree,
    find_node,
    put,
)
from depsfirst.cache.placing import literal_file, named_owner
from depsfirst.cache.programs import PROGRAMS, Output
from depsfirst.dockerfile.commands import installations, run_script
from depsfirst.dockerfile.gopath import clean
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.shell import read_script

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from depsfirst.cache.build import Build
    from depsfirst.cache.keys import Content, Key, Place
    from depsfirst.dockerfile.buildkit import Version
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.instructions import Run
    from depsfirst.dockerfile.shell import Command, Redirect, Word

_CLEANED_MOUNTS: Version = (0, 10)  # before, the directories that mounts need stay
_NOWHERE = ("/dev/null", "/dev/stdout", "/dev/stderr")
_DEEPEST = 3
_SCRATCH_PLACES = ("/root/.cache", "/tmp")  # noqa: S108 -- it is the image's


def after_run(key: Key, run: Run, below: Node, build: Build, made: Callable[[Key], Node]) -> Node:
    """The files that a RUN leaves behind.

    Args:
        key: of the RUN.
        run: the RUN.
        below: the files that it finds.
        build: what the build is given.
        made: the files that a key stands for.

    Raises:
        LostError: nobody knows them without running it.
    """
    place = key.place
    if place is None:
        raise LostError(run.name)
    script = run_script(run, place.shell, _variables(key, run, place), place.cwd)
    if not script.whole:
        raise LostError(script.reason)
    shown = _mounted(key, run, place, build, made)
    effects = Effects(key, run, place, _showing(below, shown), build)
    for command in script.commands:
        effects.run(command)
    for target, _ in shown:
        before = find_node(below, target)
        stays = Hidden(key, target) if build.version < _CLEANED_MOUNTS else before
        effects.root = put(effects.root, target, stays)
    return effects.root


def _variables(key: Key, run: Run, place: Place) -> dict[str, str]:
    """The variables in force; where those of the image are known, what is set nowhere is empty."""
    variables = dict(place.scope.variables)
    image = next(each for each in key.chain() if each.parent is None)
    if image.facts is None or image.facts.environment is None:
        return variables
    text = "".join(run.argv(()))
    secret = {mount.env or mount.id or mount.source for mount in run.mounts if isinstance(mount, Mount)}
    asked = {*_ASKED_WHETHER_SET.findall(text), *secret}
    unset = {name for name in _REFERENCE.findall(text) if name not in asked and not _SET_BY_SHELL.fullmatch(name)}
    return {**dict.fromkeys(unset, ""), **variables}


_REFERENCE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_ASKED_WHETHER_SET = re.compile(r"\$\{([A-Za-z_]\w*)[-+=?]")
_SET_BY_SHELL = re.compile(
    "_|HOME|PWD|OLDPWD|HOSTNAME|RANDOM|SRANDOM|SECONDS|EPOCH.*|LINENO|E?UID|GROUPS|PPID|IFS|SHLVL|USER|LOGNAME|SHELL.*|TERM|"
    "BASH.*|COMP_.*|.*TYPE|OPT.*|PS[0-9]|REPLY|PIPESTATUS|FUNCNAME|DIRSTACK|MAPFILE|SSH_AUTH_SOCK|.*_(?i:proxy)"
)


def files_before(key: Key, run: Run, below: Node, build: Build, made: Callable[[Key], Node]) -> Node:
    """The files that a RUN finds, its mounts included; the same arguments as for ``after_run``.

    Raises:
        LostError: nobody knows them.
    """
    return below if key.place is None else _showing(below, _mounted(key, run, key.place, build, made))


def _showing(root: Node, shown: list[tuple[str, Node | None]]) -> Node:
    for target, node in shown:
        root = put(root, target, node)
    return root


def _mounted(
    key: Key, run: Run, place: Place, build: Build, made: Callable[[Key], Node]
) -> list[tuple[str, Node | None]]:
    """What mounts show, by their targets."""
    shown: list[tuple[str, Node | None]] = []
    for mount in run.mounts:
        if not isinstance(mount, Mount) or mount.type == "ssh":
            continue
        if mount.type == "bind":
            shown.append((mount_target(mount, place), _bound(mount, key.contents, build, made)))
        elif mount.target:
            target = mount_target(mount, place)
            shown.append((target, Tree({}) if mount.type == "tmpfs" else Hidden(key, target)))
    return shown


def _bound(mount: Mount, contents: tuple[Content, ...], build: Build, made: Callable[[Key], Node]) -> Node | None:
    from depsfirst.cache.nodes import tree_of_directory

    source = clean("/" + mount.source)
    if not mount.from_:
        return find_node(tree_of_directory(build.context.sent, (build.context, "")), source)
    for content in contents:
        if isinstance(content, ResultContent) and content.name == mount.from_.lower():
            return find_node(made(content.key), source)
        if isinstance(content, ContextContent) and content.name == mount.from_.lower():
            return find_node(tree_of_directory(content.context.sent, (content.context, "")), source)
    raise LostError(mount.from_)


class Effects:
    """The files, while the commands of a RUN change them.

    Attributes:
        key: of the RUN.
        root: the files.
        owner: whose new files are.
        version: the BuildKit that builds.
        piped: what the last command wrote into a pipe; None if that is not known.
    """

    def __init__(self, key: Key, run: Run, place: Place, root: Node, build: Build) -> None:
        self.key = key
        self.root = root
        self.owner = named_owner(owner_of(place.user), root) if place.user else ROOT
        self.version = build.version
        self.piped: Output = None
        self._run = run
        self._place = place
        self._build = build
        self._leaving = Leaving(self._findings)
        self._depth = 0

    def run(self, command: Command) -> None:
        """Do what a command does.

        Raises:
            LostError: nobody knows that.
        """
        if command.user != "" or (command.program is None and command.words):
            raise LostError("another user, or a program that is not known")
        if self._export(command) or self._pack(command):
            self.piped = None
            return
        name = command.program or ""
        program = PROGRAMS.get(name)
        if program is None:
            self._foreign(command)
            return
        if program.writes and not command.always:
            raise LostError(f"whether {name} runs")
        given, self.piped = self._input(command), None
        output = program.run(self, command, given)
        if command.piped:
            self.piped = output
        self._redirect(command, output)

    def _foreign(self, command: Command) -> None:
        """Do what a program does of which less is known: an installer, or one that runs a file of the repository."""
        self.piped = None
        if not self._follow(command):
            self.root = self._leaving.after(self.root, self.key, command)
        self._redirect(command, None)

    def _follow(self, command: Command) -> bool:
        """Run the lines of a Makefile or a script that a command runs, if it runs one."""
        from depsfirst.dockerfile.installers.call import Call
        from depsfirst.dockerfile.installers.following import Followed, follow
        from depsfirst.dockerfile.installers.tools import Tool, tool_of

        tool = tool_of(command)
        if not isinstance(tool, Tool) or self._depth > _DEEPEST:
            return False
        variables = self._place.scope.variables
        followed = follow(Call(tool.name, tool.words, command, variables, self.text, None))
        if not isinstance(followed, Followed):
            return False
        self._depth += 1
        for text in followed.texts:
            inner = {**variables, **command.variables, **followed.variables}
            script = read_script(text, inner, followed.cwd, followed.parameters)
            if not script.whole:
                raise LostError(script.reason)
            for each in script.commands:
                self.run(each._replace(always=each.always and command.always, user=each.user or command.user))
        self._depth -= 1
        return True

    def text(self, path: str) -> str | None:
        """The text of a file; None if it is not there or not known."""
        try:
            node = self.found(path)
        except LostError:
            return None
        data = node.text if isinstance(node, File) else None
        if isinstance(node, File) and data is None and node.place is not None:
            data = self._read(*node.place)
        return None if data is None else data.decode(errors="surrogateescape")

    def _findings(self) -> tuple[Finding, ...]:
        """What the RUN installs, exports and downloads."""
        place = self._place
        reading = installations(
            self._run,
            shell=place.shell,
            variables=place.scope.variables,
            cwd=place.cwd,
            user=place.user,
            files=self.text,
        )
        return (*reading.installations, *reading.exports, *reading.downloads)

    def _input(self, command: Command) -> Output:
        """What a command reads from its standard input."""
        for redirect in reversed(command.redirects):
            if redirect.operator in ("<<", "<<-", "<<<") and redirect.descriptor in (None, 0):
                text = redirect.target.text
                ends = "\n" if redirect.operator == "<<<" else ""
                return None if text is None else (text + ends).encode(errors="surrogateescape")
            if redirect.operator == "<" and redirect.descriptor in (None, 0):
                return self.found(self.path(redirect.target, command))
        return self.piped

    def _redirect(self, command: Command, output: Output) -> None:
        for redirect in command.redirects:
            if not redirect.operator.startswith((">", "&>")) or _is_descriptor(redirect):
                continue
            path = self.path(redirect.target, command)
            if path in _NOWHERE:
                continue
            if not command.always or (redirect.operator != ">>" and self._names(command, path)):
                raise LostError(path)
            known = redirect.descriptor in (None, 1) and redirect.operator in (">", ">|", ">>") and not redirect.shared
            self.write(path, output if known else None, append=redirect.operator.endswith(">>"))

    def _names(self, command: Command, path: str) -> bool:
        """Whether a command names a file that its shell has emptied before it begins."""
        texts = [word.text for word in command.words[1:] if word.text and "\n" not in word.text]
        return any(path == self.absolute(text, command) for text in texts)

    def _export(self, command: Command) -> bool:
        """Note the file of a command that a filter knows."""
        if not command.always or command.piped or not self._build.filters:
            return False
        filtered = next(filter(None, (each(command, self._place) for each in self._build.filters)), None)
        if filtered is None:
            return False
        inputs = tuple(self.found(path) for path in filtered.inputs)
        exported = Exported(filtered, inputs, self._setting(), self._tools(), self._read)
        for place in _SCRATCH_PLACES:
            self.root = put(self.root, place, kept(self.found(place) or Tree({}), self.key, place))
        self.root = put(self.root, filtered.output, exported, trailing=True)
        return True

    def _pack(self, command: Command) -> bool:
        """Note the directory that a build of a wheel fills."""
        if not command.always or not self._build.packers:
            return False
        packing = next(filter(None, (each(command, self._place) for each in self._build.packers)), None)
        if packing is None:
            return False
        packed = Packed(packing, self.found(packing.source), self._setting(), self._tools(), self._read)
        self.root = put(kept(self.root, self.key), packing.output, packed, trailing=True)
        return True

    def _setting(self) -> Hashable:
        """What counts for a command besides its words and the files that it reads."""
        return (tuple(self._place.scope.variables.items()), self._place.user, self._place.shell)

    def _tools(self) -> Node | None:
        """What holds the programs: all that nobody put there by name."""
        return self.root.bottom if isinstance(self.root, Tree) else self.root

    def _read(self, context: Context, path: str) -> bytes | None:
        return self._build.read(path) if context is self._build.context else None

    def path(self, word: Word, command: Command) -> str:
        """The absolute path that a word names.

        Raises:
            LostError: nobody knows it.
        """
        if word.text is None or word.splits or word.pattern or word.text.startswith("~") or not word.text:
            raise LostError(word.source)
        return self.absolute(word.text, command)

    def absolute(self, path: str, command: Command) -> str:
        """A path seen from where a command runs.

        Raises:
            LostError: nobody knows where that is.
        """
        if command.cwd is None and not path.startswith("/"):
            raise LostError(path)
        return clean(join("/", command.cwd or "/", path))

    def found(self, path: str) -> Node | None:
        """What stands at a path; None for nothing."""
        return find_node(self.root, path)

    def put(self, path: str, node: Node | None, *, trailing: bool = True) -> Node:
        """The files with a node at a path; new directories are those of the RUN's user."""
        return put(self.root, path, node, trailing=trailing, made=Own(owner=self.owner))

    def hidden(self, path: str) -> Hidden:
        """Something that this RUN writes at a path, and nobody knows what."""
        return Hidden(self.key, path)

    def write(self, path: str, output: Output, *, append: bool = False) -> None:
        """Write into a file as a shell does.

        Raises:
            LostError: its directory is not there, or may not be.
        """
        before = self.found(path)
        if isinstance(before, Tree) or self.found(dirname(path)) is None:
            raise LostError(path)
        new = self._as_file(output, path)
        if append and before is not None:
            new = _appended(before, new)
        elif isinstance(before, File) and isinstance(new, File):
            new = new.with_mode(before.entry.mode)._replace(owner=before.owner)
        elif isinstance(before, Placed) and before.keeps and not before.name:
            new = before._replace(node=new)
        elif before is not None and isinstance(before, Placed | Derived | Hidden):
            new = Placed(new, "", before, keeps=True)
        self.root = put(self.root, path, new, trailing=True)

    def _as_file(self, output: Output, path: str) -> Node:
        if output is None:
            return self.hidden(path)
        if isinstance(output, bytes):
            return literal_file(output, owner=self.owner)
        if isinstance(output, File):
            return output.with_mode(0o644)._replace(owner=self.owner)
        if isinstance(output, Fresh):
            return Fresh(self.key, path)
        return Derived(("written",), (output,), faithful=True)


def _appended(before: Node, new: Node) -> Node:
    if isinstance(before, File) and isinstance(new, File) and None not in (before.text, new.text):
        file = literal_file((before.text or b"") + (new.text or b""), owner=before.owner)
        return file.with_mode(before.entry.mode)
    return Derived(("appended",), (before, new), faithful=True)


def _is_descriptor(redirect: Redirect) -> bool:
    return redirect.operator == ">&" and (redirect.target.text or "").rstrip("-").isdecimal()
