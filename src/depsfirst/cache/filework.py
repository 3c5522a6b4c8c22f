"""What the programs that move files about do: mkdir, touch, rm, cp, mv, ln, chmod, chown, install."""

from __future__ import annotations

import re
from posixpath import basename, dirname
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.definitions import owner_of
from depsfirst.cache.nodes import (
    Change,
    Derived,
    File,
    Hidden,
    LostError,
    Node,
    Own,
    Owner,
    Placed,
    Tree,
    as_tree,
    copied,
    locate,
)
from depsfirst.cache.patterns import matches
from depsfirst.cache.placing import literal_file, named_owner
from depsfirst.dockerfile.filetree import Entry, Kind
from depsfirst.dockerfile.gopath import compile_glob, has_wildcards

if TYPE_CHECKING:
    from depsfirst.cache.effects import Effects
    from depsfirst.dockerfile.shell import Command, Word

_UMASK = 0o022
_USUAL = re.compile("/(bin|boot|dev|etc|home|lib.*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)(/.*)?")


class _Asked(NamedTuple):
    """Options, each with its value, an empty one, or None for one that is not known; and operands."""

    options: dict[str, str | None]
    operands: tuple[Word, ...]

    def has(self, *names: str) -> bool:
        return any(name in self.options for name in names)


def _asked(command: Command, plain: str, valued: str = "") -> _Asked:
    """The options and operands of a command.

    Args:
        command: its words.
        plain: letters of the options that are known, and long names in words behind them.
        valued: those that take a value.

    Raises:
        LostError: another option, or a word that is not known.
    """
    letters, *long = plain.split()
    options: dict[str, str | None] = {}
    operands: list[Word] = []
    ahead = list(command.words[1:])
    while ahead:
        word = ahead.pop(0)
        text = word.text
        if text == "--":
            operands += ahead
            break
        if not word.head.startswith("-") or text == "-":
            operands.append(word)
            continue
        if text is None:
            raise LostError(word.source)
        if text in long:
            options[text] = ""
            continue
        for place, letter in enumerate(text[1:], 1):
            if letter in valued:
                options[letter] = text[place + 1 :] or (ahead.pop(0).text if ahead else None)
                break
            if letter not in letters:
                raise LostError(text)
            options[letter] = ""
    return _Asked(options, tuple(operands))


def make_directory(effects: Effects, command: Command, _: object) -> bytes:
    """``mkdir``."""
    asked = _asked(command, "pv --parents --verbose", "m")
    mode = _octal(asked, 0o755)
    own = Own(mode, effects.owner, mode)
    for word in asked.operands:
        path = effects.path(word, command)
        before = effects.found(path)
        if asked.has("p", "--parents"):
            known = before is None or isinstance(before, Tree) or "m" not in asked.options
            made = as_tree(before, own) if known else Tree({}, own._replace(mode=None), below=before)
        elif before is None or (isinstance(before, Hidden) and not _USUAL.fullmatch(path)):
            made = Tree({}, own)  # it would have failed if there had been one
        else:
            raise LostError(path)
        effects.root = effects.put(path, made)
    return b""


def _octal(asked: _Asked, usual: int) -> int:
    """The mode of the option ``m``."""
    if "m" not in asked.options:
        return usual
    text = asked.options["m"]
    if text is None or not re.fullmatch("[0-7]{1,4}", text):
        raise LostError("mode")
    return int(text, 8)


def touch(effects: Effects, command: Command, _: object) -> bytes:
    """``touch``, of which only new files count."""
    asked = _asked(command, "acmf", "dtr")
    for word in asked.operands:
        path = effects.path(word, command)
        before = effects.found(path)
        if asked.has("c") or isinstance(before, File | Tree):
            continue
        new: Node = literal_file(b"", owner=effects.owner)
        if before is not None:
            new = Derived(("touched",), (before,), inner=True, owner=effects.owner)
        elif effects.found(dirname(path)) is None:
            raise LostError(path)
        effects.root = effects.put(path, new)
    return b""


def remove(effects: Effects, command: Command, _: object) -> bytes:
    """``rm``."""
    asked = _asked(command, "rRfv --recursive --force")
    for word in asked.operands:
        text = word.text
        if text is None or word.splits or text.startswith("~"):
            raise LostError(word.source)
        path = effects.absolute(text, command)
        if not word.pattern:
            effects.root = effects.put(path, None, trailing=False)
        else:
            _remove_matches(effects, path)
    return b""


def _remove_matches(effects: Effects, pattern: str) -> None:
    """Remove what fits in one directory."""
    folder, _, name = pattern.rpartition("/")
    if has_wildcards(folder) or not folder:
        raise LostError(pattern)
    before = effects.found(folder)
    if before is None or isinstance(before, File):
        return
    if not isinstance(before, Tree) or "[" in name or "\\" in name:
        effects.root = effects.put(folder, Derived(("removed", name), (before,)))
        return
    glob = compile_glob(name)
    rest = {each: before.child(each) for each in before.names}
    hides = name.startswith(".")
    gone = {each for each in rest if glob.matches(each) and (hides or not each.startswith("."))}
    below = None if before.bottom is None else Derived(("removed", name), (before.bottom,))
    children = {each: None if each in gone else node for each, node in rest.items()}
    effects.root = effects.put(folder, Tree(children, before.own, below=below))


class _Copy(NamedTuple):
    """How files are copied.

    Attributes:
        recursive: directories too, and links as links.
        mode: that of every copy; None for its own.
        owner: whose every copy is; None for the original's.
        masked: what the umask takes is taken.
        anew: a file that was there is gone, and its mode and owner with it.
    """

    recursive: bool = False
    mode: int | None = None
    owner: Owner | None = None
    masked: bool = True
    anew: bool = False

    def of(self, node: Node) -> Node:
        """The copy of a node where there was nothing."""
        if isinstance(node, File):
            mode = node.entry.mode if self.mode is None else self.mode
            if mode is not None and self.masked and self.mode is None:
                mode &= ~_UMASK & 0o777
            file = node if mode is None else node.with_mode(mode)
            return file if self.owner is None else file._replace(owner=self.owner)
        if isinstance(node, Tree):
            return self._tree(node)
        how = ("copied", self.recursive, self.mode, self.masked)
        return Derived(how, (node,), faithful=True, inner=True, owner=self.owner)

    def _tree(self, node: Tree) -> Tree:
        def children() -> dict[str, Node | None]:
            inside = {name: node.child(name) for name in node.names}
            return {name: child if child is None else self.of(child) for name, child in inside.items()}

        own = node.own
        if own.mode is not None and self.masked:
            own = own._replace(mode=own.mode & ~_UMASK & 0o777)
        bottom = None if node.bottom is None else self.of(node.bottom)
        source = (node.source[0], (node.source[1], self)) if node.source and not isinstance(node.below, Tree) else None
        return Tree(children, own._replace(owner=self.owner or own.owner), below=bottom, source=source)


def copy(effects: Effects, command: Command, _: object) -> bytes:
    """``cp``."""
    asked = _asked(command, "rRapfvdPL --recursive --archive --preserve --force --verbose", "t")
    keeps = asked.has("a", "p", "--archive", "--preserve")
    recursive = asked.has("r", "R", "a", "--recursive", "--archive")
    if asked.has("L", "P", "d") or (keeps and effects.owner.identity != (0, 0)):
        raise LostError("cp")
    how = _Copy(recursive, owner=None if keeps else effects.owner, masked=not keeps)
    _each_into(effects, command, asked, how)
    return b""


def _each_into(effects: Effects, command: Command, asked: _Asked, how: _Copy) -> None:
    *sources, target = asked.operands if "t" not in asked.options else (*asked.operands, None)
    into = asked.options["t"] if target is None else None
    if target is None and into is None:
        raise LostError("no target")
    path = effects.absolute(into, command) if into is not None else effects.path(target, command)  # type: ignore[arg-type]
    folder = into is not None or (target is not None and (target.text or "").endswith("/"))
    for word in sources:
        if word is None:
            raise LostError("no operand")
        for name, node in _operands(effects, word, command, how):
            _into(effects, path, (name, how.of(node)), folder=folder or len(sources) > 1, anew=how.anew)


def _operands(effects: Effects, word: Word, command: Command, how: _Copy) -> list[tuple[str, Node]]:
    """What an operand names, a pattern too."""
    if word.text is None or word.splits or word.text.startswith("~"):
        raise LostError(word.source)
    path = effects.absolute(word.text, command)
    if word.pattern:
        found = _matches(effects, path)
        if not found:
            raise LostError(word.source)
    else:
        node = locate(effects.root, path, trailing=not how.recursive)[1]
        if node is None:
            raise LostError(path)
        found = [("." if word.text.endswith("/.") or word.text == "." else basename(path), node)]
    if any(isinstance(node, Tree) for _, node in found) and not how.recursive:
        raise LostError(path)
    return found


def _matches(effects: Effects, pattern: str) -> list[tuple[str, Node]] | None:
    """What a shell makes of a pattern in the last part of a path; names with a dot at their start do not fit a star."""
    folder, _, name = pattern.rpartition("/")
    if has_wildcards(folder) or "[" in name or "\\" in name:
        raise LostError(pattern)
    found = matches(effects.root, pattern)
    return found and [each for each in found if name.startswith(".") or not each[0].startswith(".")]


def _into(effects: Effects, path: str, named: tuple[str, Node], *, folder: bool, anew: bool) -> None:
    """Put a copy at a path, or into the directory there."""
    name, node = named
    before = effects.found(path)
    if before is None and (folder or effects.found(dirname(path)) is None):
        raise LostError(path)
    if isinstance(before, Hidden) and folder:
        before = as_tree(before)
        effects.root = effects.put(path, before)
    if isinstance(before, Tree):
        path = path if name == "." else f"{path.rstrip('/')}/{name}"
        before = before if name == "." else before.child(name)
    if isinstance(node, Tree) and isinstance(before, Tree | Hidden) and name == ".":
        effects.root = effects.put(path, copied(node, as_tree(before), Change(), keeps=True))
        return
    if isinstance(node, Tree) and isinstance(before, Tree):
        raise LostError(path)
    if isinstance(node, File) and isinstance(before, File) and node.entry.kind is Kind.FILE:
        node = node if anew else node.with_mode(before.entry.mode)._replace(owner=before.owner)
    elif before is not None and not isinstance(before, File):
        node = Placed(node, name, before, keeps=not anew)
    effects.root = effects.put(path, node)


def move(effects: Effects, command: Command, _: object) -> bytes:
    """``mv``, of one file or directory."""
    asked = _asked(command, "fvT")
    if len(asked.operands) != 2:  # noqa: PLR2004
        raise LostError("mv")
    source, target = (effects.path(word, command) for word in asked.operands)
    node = locate(effects.root, source, trailing=False)[1]
    if node is None:
        raise LostError(source)
    before = effects.found(target)
    if isinstance(before, Tree):
        target = f"{target.rstrip('/')}/{basename(source)}"
        before = before.child(basename(source))
    if before is not None and not isinstance(before, File):
        node = Placed(node, basename(source), before)
    elif effects.found(dirname(target)) is None:
        raise LostError(target)
    effects.root = effects.put(source, None, trailing=False)
    effects.root = effects.put(target, node, trailing=False)
    return b""


def link(effects: Effects, command: Command, _: object) -> bytes:
    """``ln -s``."""
    asked = _asked(command, "sfnvT --symbolic --force")
    if not asked.has("s", "--symbolic") or len(asked.operands) != 2:  # noqa: PLR2004
        raise LostError("ln")
    text = asked.operands[0].text
    if text is None or asked.operands[0].pattern:
        raise LostError("ln")
    path = effects.path(asked.operands[1], command)
    before = locate(effects.root, path, trailing=False)[1]
    node: Node = File(Entry(Kind.SYMLINK, 0o777, link=text), effects.owner)
    if isinstance(before, Tree):
        path, before = f"{path.rstrip('/')}/{basename(text)}", before.child(basename(text))
    if before is not None and not (isinstance(before, File) and asked.has("f", "--force")):
        node = Placed(node, basename(text), before)
    effects.root = effects.put(path, node, trailing=False)
    return b""


def change_mode(effects: Effects, command: Command, _: object) -> bytes:
    """``chmod``."""
    words = [word for word in command.words[1:] if word.text not in ("-R", "--recursive", "-v", "-f")]
    recursive = any(word.text in ("-R", "--recursive") for word in command.words)
    if not words or words[0].text is None:
        raise LostError("chmod")
    mode = words[0].text
    for word in words[1:]:
        path = effects.path(word, command)
        before = effects.found(path)
        if before is None:
            raise LostError(path)
        effects.root = effects.put(path, _with_mode(before, mode, recursive=recursive))
    return b""


def _with_mode(node: Node, mode: str, *, recursive: bool) -> Node:
    number = int(mode, 8) if re.fullmatch("[0-7]{3,4}", mode) else None
    if number is not None and isinstance(node, File):
        return node.with_mode(number)
    if number is not None and isinstance(node, Tree):
        if recursive:
            return copied(node, None, Change(number)) or node
        return node.owned(Own(number, node.own.owner, number))
    if mode in ("+x", "a+x") and isinstance(node, File) and node.entry.mode is not None:
        return node.with_mode(node.entry.mode | 0o111)
    return Derived(("chmod", mode), (node,), faithful=True, inner=recursive)


def _owner(effects: Effects, text: str | None) -> Owner:
    """The owner that a command names; one that is not known is that of its RUN alone."""
    if text is None:
        return Owner((), (effects.hidden("/"),))
    return named_owner(owner_of(text), effects.root)


def change_owner(effects: Effects, command: Command, _: object) -> bytes:
    """``chown``."""
    words = [word for word in command.words[1:] if word.text not in ("-R", "--recursive", "-v", "-f", "-h")]
    recursive = any(word.text in ("-R", "--recursive") for word in command.words)
    if not words or words[0].head.startswith("-") or (words[0].splits and len(words) == 1):
        raise LostError("chown")
    owner = _owner(effects, words[0].text)
    for word in words[1:]:
        path = effects.path(word, command)
        before = effects.found(path)
        if before is None:
            raise LostError(path)
        effects.root = effects.put(path, _with_owner(before, owner, recursive=recursive))
    return b""


def _with_owner(node: Node, owner: Owner, *, recursive: bool) -> Node:
    if recursive or isinstance(node, File):
        return copied(node, None, Change(owner=owner)) or node
    if isinstance(node, Tree) and (node.own.mode is not None or node.bottom is None):
        return node.owned(node.own._replace(owner=owner))
    return Derived(("chown",), (node,), faithful=True, owner=owner)


def install(effects: Effects, command: Command, _: object) -> bytes:
    """``install``."""
    asked = _asked(command, "dDpv", "mog")
    mode = _octal(asked, 0o755)
    owner = effects.owner
    if asked.has("o", "g"):
        names = (asked.options.get("o", "root"), asked.options.get("g", "root"))
        owner = _owner(effects, None if None in names else ":".join(map(str, names)))
    if asked.has("d"):
        for word in asked.operands:
            path = effects.path(word, command)
            made = as_tree(effects.found(path), Own(mode, owner, mode))
            effects.root = effects.put(path, made if made.own.mode is None else made.owned(Own(mode, owner, mode)))
        return b""
    if asked.has("D"):
        path = effects.path(asked.operands[-1], command)
        effects.root = effects.put(dirname(path), as_tree(effects.found(dirname(path))))
    _each_into(effects, command, asked, _Copy(mode=mode, owner=owner, masked=False, anew=True))
    return b""
