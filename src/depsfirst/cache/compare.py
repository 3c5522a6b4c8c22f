"""Whether two keys, and the contents in them, are the same for a builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.definitions import OWNERS
from depsfirst.cache.keys import Content, ContextContent, Key, RemoteContent, ResultContent
from depsfirst.cache.likeness import Likeness
from depsfirst.cache.nodes import Derived, Hidden, LostError, Node, Packed, Tree, find_node, tree_of_directory
from depsfirst.cache.patterns import concrete, grafted
from depsfirst.cache.reasons import Reason, Reasons
from depsfirst.cache.results import Results
from depsfirst.cache.verdict import DIFFERENT, MAYBE, SAME, Verdict, all_of
from depsfirst.dockerfile.context import Context
from depsfirst.dockerfile.filetree import Directory
from depsfirst.dockerfile.gopath import clean, has_wildcards
from depsfirst.dockerfile.inclusion import literal_part
from depsfirst.dockerfile.selection import Request, Selection, same_content, selected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.build import Build
    from depsfirst.cache.keys import Definition

_WHOLE = Request(("/",), literal=True)


class Comparison:
    """Compares keys of one build with those of another, each pair once."""

    def __init__(self, before: Build, after: Build) -> None:
        self.before = before
        self.after = after
        self._results = (Results(before), Results(after))
        self.likeness = Likeness(self.keys, self.contents, owners=after.version >= OWNERS)
        self._reasons = Reasons(self.likeness.nodes, self.keys)
        self._keys: dict[tuple[Key, Key], Verdict] = {}
        self._selections: dict[tuple[int, Request], Selection] = {}
        self._contexts: dict[tuple[int, Request, int, Request], Verdict] = {}

    def keys(self, before: Key, after: Key) -> Verdict:
        """Whether a builder that has the first finds the second."""
        if before is after:
            return SAME
        known = self._keys.get((before, after))
        if known is None:
            known = self._keys[before, after] = self._key(before, after)
        return known

    def _key(self, before: Key, after: Key) -> Verdict:
        if after.forced:
            return DIFFERENT
        if before.definition.kind == after.definition.kind == "image":
            return _images(before.definition, after.definition)
        if before.definition != after.definition or after.context is not None:
            return DIFFERENT
        if len(before.contents) != len(after.contents) or len(before.others) != len(after.others):
            return DIFFERENT
        return all_of(self._inputs(before, after))

    def _inputs(self, before: Key, after: Key) -> Iterator[Verdict]:
        """The verdicts on the inputs, those that are quickly told first."""
        yield self._parents(before, after)
        for one, other in zip(before.others, after.others, strict=True):
            yield self.keys(one, other)
        for mine, others in zip(before.contents, after.contents, strict=True):
            yield self.contents(mine, others)

    def _parents(self, before: Key, after: Key) -> Verdict:
        if before.parent is None or after.parent is None:
            return SAME if before.parent is after.parent else DIFFERENT
        verdict = self.keys(before.parent, after.parent)
        if verdict is SAME or not (before.loose and after.loose):
            return verdict
        return self._in_results(ResultContent(before.parent, _WHOLE, ""), ResultContent(after.parent, _WHOLE, ""))

    def contents(self, before: Content, after: Content) -> Verdict:
        """Whether what two steps read is the same."""
        if isinstance(before, RemoteContent) and isinstance(after, RemoteContent):
            return _remotes(before, after)
        if isinstance(before, RemoteContent) or isinstance(after, RemoteContent):
            return MAYBE
        if isinstance(before, ContextContent) and isinstance(after, ContextContent):
            return self._in_contexts(before, after)
        if isinstance(before, ResultContent) and isinstance(after, ResultContent):
            if before.request == after.request and self.keys(before.key, after.key) is SAME:
                return SAME
        elif any(_is_whole(content.request) for content in (before, after)):
            return MAYBE  # the mode of a context's root does not count, that of a stage's does
        return self._in_results(before, after)

    def _in_contexts(self, before: ContextContent, after: ContextContent) -> Verdict:
        names = (id(before.context), before.request, id(after.context), after.request)
        if names not in self._contexts:
            same = same_content(
                self.selection(before.context, before.request), self.selection(after.context, after.request)
            )
            self._contexts[names] = SAME if same else DIFFERENT
        return self._contexts[names]

    def _in_results(self, before: ContextContent | ResultContent, after: ContextContent | ResultContent) -> Verdict:
        """Whether what two requests take of results, or of a result and a context, is the same."""
        made = self._roots(before, after)
        requests = (before.request, after.request)
        if all(_is_plain(request) for request in requests):
            one, other = (self._paths(*pair) for pair in zip(made, requests, strict=True))
            if len(one) == len(other):
                return all_of(self.likeness.nodes(*pair) for pair in zip(one, other, strict=True))
        was, now = (self._told(*pair) for pair in zip(made, requests, strict=True))
        if was is not None and now is not None:
            return SAME if same_content(was, now) else DIFFERENT
        return self._around(made, *requests)

    def _paths(self, root: Node, request: Request) -> list[Node | None]:
        """What stands at the paths that count, in their order."""
        paths = {clean("/" + source) for source in request.sources}
        counted = [path for path in paths if not any(_is_below(path, other) for other in paths)]
        return [found(root, path) for path in sorted(counted)]

    def _told(self, root: Node, request: Request) -> Selection | None:
        """What a request takes, if all that it can take is known."""
        tree = Directory({})
        for start in _starts(request):
            known = concrete(found(root, start), owners=self.after.version >= OWNERS)
            if known is None:
                return None
            tree = grafted(tree, start, known)
        return selected(Context(tree, version=self.after.version), request)

    def _around(self, made: tuple[Node, Node], request: Request, other: Request) -> Verdict:
        """The verdict on the directories that patterns start from, if they say that nothing differs."""
        if request != other:
            return MAYBE
        starts = _starts(request)
        nodes = [[found(root, start) for start in starts] for root in made]
        return all_of(self._start(pair, request) for pair in zip(*nodes, strict=True))

    def _start(self, pair: tuple[Node | None, Node | None], request: Request) -> Verdict:
        """The verdict on where a pattern starts; only of wheels that were built it is that on what fits."""
        verdict = self.likeness.nodes(*pair)
        wheels = all(isinstance(node, Packed) for node in pair) and all(_fits_wheels(path) for path in request.sources)
        return verdict if verdict is SAME or wheels else MAYBE

    def reason(self, before: Content, after: Content) -> Reason:
        """What makes files that are taken of a result differ: the line, if it is one, and what happens."""
        if isinstance(before, ResultContent) and isinstance(after, ResultContent):
            starts = [sorted(set(_starts(content.request))) for content in (before, after)]
            roots = self._roots(before, after)
            nodes = [[found(root, path) for path in paths] for root, paths in zip(roots, starts, strict=True)]
            if reason := self._reasons.first(zip(*nodes, strict=False)):
                return self._traced(after.key, reason)
        return Reason(None, "they come from elsewhere")

    def _traced(self, key: Key, reason: Reason) -> Reason:
        """The same reason with the line that brings a file of a build context in."""
        line = self._copying_line(key, reason.path, set()) if reason.path else None
        return Reason(line, f"line {line} copies {reason.path} into them", reason.path) if line else reason

    def _copying_line(self, key: Key, path: str, seen: set[Key]) -> int | None:
        """The last step of a chain that reads a path of a build context, or takes it from a stage that does."""
        for each in key.chain():
            if each in seen:
                return None
            seen.add(each)
            for content in (*each.contents, *(content for other in each.others for content in other.contents)):
                if isinstance(content, ContextContent) and _reads(
                    self.selection(content.context, content.request), path
                ):
                    step = each.instruction or each.others[0].instruction
                    return step.line if step else None
                if isinstance(content, ResultContent) and (line := self._copying_line(content.key, path, seen)):
                    return line
        return None

    def _roots(
        self, before: ContextContent | ResultContent, after: ContextContent | ResultContent
    ) -> tuple[Node, Node]:
        return self._root(self._results[0], before), self._root(self._results[1], after)

    def _root(self, results: Results, content: ContextContent | ResultContent) -> Node:
        if isinstance(content, ResultContent):
            return results.root(content.key)
        return tree_of_directory(content.context.sent, (content.context, ""))

    def selection(self, context: Context, request: Request) -> Selection:
        """What a request reads of a context."""
        known = self._selections.get((id(context), request))
        if known is None:
            known = self._selections[id(context), request] = selected(context, request)
        return known


def _images(before: Definition, after: Definition) -> Verdict:
    one, other = before.value("layers"), after.value("layers")
    if one is not None and other is not None:
        return SAME if one == other else DIFFERENT
    return SAME if before.differing(after) in ((), ("layers",)) else MAYBE


def _remotes(before: RemoteContent, after: RemoteContent) -> Verdict:
    if before.checksum and after.checksum:
        return SAME if before.checksum == after.checksum else DIFFERENT
    return SAME if before.url == after.url else MAYBE


def _reads(selection: Selection, path: str) -> bool:
    return any(path == item.path or _is_below(path, item.path) for read in selection.reads for item in read.items)


def _is_plain(request: Request) -> bool:
    """Whether all that counts are whole paths."""
    whole = request.literal or not any(has_wildcards(clean("/" + source)) for source in request.sources)
    return whole and not request.exclude and not request.parents


def _starts(request: Request) -> list[str]:
    """The paths that sources start from, before their first wildcard or, with --parents, their pivot."""
    starts = [source.partition("/./")[0] if "/./" in source else "/" for source in request.sources]
    if not request.parents:
        starts = list(request.sources)
    cleaned = [clean("/" + start) for start in starts]
    return [literal_part(path) if has_wildcards(path) else path for path in cleaned]


def _is_whole(request: Request) -> bool:
    return any(clean("/" + source) == "/" for source in request.sources)


def _fits_wheels(source: str) -> bool:
    """Whether a source takes every wheel of a directory."""
    name = source.rpartition("/")[2]
    return name in ("", "*", "*.w*") or (name.endswith("*.whl") and not has_wildcards(name.removesuffix("*.whl")))


def _is_below(path: str, other: str) -> bool:
    return path != other and (not other or path.startswith(other.rstrip("/") + "/"))


def found(root: Node, path: str) -> Node | None:
    """What stands at a path, as far as it is known.

    Images have links from some directories to others; what was written on one side may be what stands on the other.
    """
    node = _located(root, path)
    twins = [there + path.removeprefix(here) for here, there in _LINKED if path == here or path.startswith(f"{here}/")]
    if not twins or (isinstance(root, Tree) and root.bottom is None):
        return node
    twin = _located(root, twins[0])
    return node if twin is None or isinstance(twin, Hidden) else Derived(("linked",), (node, twin), faithful=True)


_PAIRS = {"/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/lib64": "/usr/lib64"}
_PAIRS |= {"/var/run": "/run", "/var/lock": "/run/lock"}
_LINKED = (*_PAIRS.items(), *((there, here) for here, there in _PAIRS.items()))


def _located(root: Node, path: str) -> Node | None:
    """What stands at a path; what nobody can tell is as what stands at the root."""
    try:
        return find_node(root, path)
    except LostError:
        return Derived(("lost", path), (root,))
