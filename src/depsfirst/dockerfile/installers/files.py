"""Commands that write many files once more without changing them: ``chown -R`` and ``chmod -R``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Call, divide
from depsfirst.dockerfile.installers.model import Ownership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.dockerfile.installers.model import Finding


def read(call: Call) -> Iterator[Finding]:
    """Whose paths a call changes; the first operand is the owner or the mode."""
    arguments = divide(call.words, frozenset({"--from"}))
    if arguments.has("--help", "--version"):
        return
    reference = arguments.has("--reference")
    operands = arguments.operands if reference else arguments.operands[1:]
    paths = tuple(call.at(word.text) if word.text is not None else word.source for word in operands)
    yield Ownership(call.tool, call.command, paths, recursive=arguments.has("-R", "--recursive"))
