"""Where a command leaves what it writes to its standard output, or to the file that an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depsfirst.dockerfile.installers.call import Arguments, Call

NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})


def output_of(call: Call, arguments: Arguments, *names: str) -> str | None:
    """The file that gets the output: that of the option, else that of a redirect of this command alone."""
    named = arguments.value(*names) if names else None
    if named is not None:
        return None if named.text is None else call.at(named.text)
    return redirected(call)


def redirected(call: Call) -> str | None:
    """The file that a redirect leads the standard output to; None if it is not that of this command alone."""
    command = call.command
    found = [
        redirect
        for redirect in command.redirects
        if redirect.operator in (">", ">|", "&>") and redirect.descriptor in (None, 1)
    ]
    if command.piped or not found or found[0].shared or found[0].target.text is None:
        return None
    path = call.at(found[0].target.text)
    return None if path in NOWHERE else path
