"""Whether two keys, and the contents in them, are the same for a builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.keys import Content, ContextContent, Key, RemoteContent, ResultContent
from depsfirst.cache.results import Results
from depsfirst.cache.verdict import DIFFERENT, MAYBE, SAME, Verdict, all_of
from depsfirst.dockerfile.selection import Request, Selection, same_content, selected

if TYPE_CHECKING:
    from depsfirst.cache.build import Build
    from depsfirst.cache.keys import Definition
    from depsfirst.dockerfile.context import Context

_WHOLE = Request(("/",), literal=True)


class Comparison:
    """Compares keys of one build with those of another, each pair once."""

    def __init__(self, before: Build, after: Build) -> None:
        self.before = before
        self.after = after
        self.results = Results(self.keys)
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
        return all_of(
            [
                self._parents(before, after),
                *(self.keys(one, other) for one, other in zip(before.others, after.others, strict=True)),
                *(self.contents(one, other) for one, other in zip(before.contents, after.contents, strict=True)),
            ]
        )

    def _parents(self, before: Key, after: Key) -> Verdict:
        if before.parent is None or after.parent is None:
            return SAME if before.parent is after.parent else DIFFERENT
        verdict = self.keys(before.parent, after.parent)
        if verdict is SAME or not (before.loose and after.loose):
            return verdict
        return self.results.compared(before.parent, _WHOLE, after.parent, _WHOLE)

    def contents(self, before: Content, after: Content) -> Verdict:
        """Whether what two steps read is the same."""
        if isinstance(before, RemoteContent) and isinstance(after, RemoteContent):
            return _remotes(before, after)
        if isinstance(before, ContextContent) and isinstance(after, ContextContent):
            return self._in_contexts(before, after)
        if isinstance(before, ResultContent) and isinstance(after, ResultContent):
            if before.request == after.request and self.keys(before.key, after.key) is SAME:
                return SAME
            return self.results.compared(before.key, before.request, after.key, after.request)
        return MAYBE

    def _in_contexts(self, before: ContextContent, after: ContextContent) -> Verdict:
        names = (id(before.context), before.request, id(after.context), after.request)
        if names not in self._contexts:
            same = same_content(
                self.selection(before.context, before.request), self.selection(after.context, after.request)
            )
            self._contexts[names] = SAME if same else DIFFERENT
        return self._contexts[names]

    def culprit(self, before: Content, after: ResultContent) -> tuple[int | None, str]:
        """The line that makes files of a result differ, and what it does."""
        if not isinstance(before, ResultContent):
            return None, "they came from elsewhere"
        return self.results.culprit(before.key, after.key)

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
