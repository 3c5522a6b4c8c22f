"""The user that a step runs as: home and numbers, as the commands say that have made the account before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.places import below
from depsfirst.dockerfile.installers.call import divide
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.installers.call import Arguments
    from depsfirst.dockerfile.shell import Command, Word

ROOT_USERS = frozenset({"", "root", "0", "root:root", "0:0", "root:0", "0:root"})
"""What USER says of root; empty where it says nothing, as most images run as root."""

_USERADD_VALUED = (
    "--badname --base-dir --comment --home-dir --expiredate --inactive --gid --groups --skel --key --password --root"
    " --prefix --shell --uid --selinux-user"
)
_USERADD_SHORT = {
    "-b": "--base-dir",
    "-c": "--comment",
    "-d": "--home-dir",
    "-e": "--expiredate",
    "-f": "--inactive",
    "-g": "--gid",
    "-G": "--groups",
    "-k": "--skel",
    "-K": "--key",
    "-p": "--password",
    "-s": "--shell",
    "-u": "--uid",
}
_ADDUSER_VALUED = "--home --shell --uid --gid --ingroup --gecos --comment --firstuid --lastuid --conf --skel"
_ADDUSER_SHORT = {"-h": "--home", "-g": "--gecos", "-s": "--shell", "-G": "--ingroup", "-u": "--uid", "-k": "--skel"}
_MAKERS = {
    "useradd": (frozenset(_USERADD_VALUED.split()), _USERADD_SHORT),
    "adduser": (frozenset(_ADDUSER_VALUED.split()), _ADDUSER_SHORT),
}
_GROUPS_ALONE = frozenset({"-a", "-G", "-aG", "--append", "--groups"})
"""The options of usermod that leave home and numbers as they are."""


class Account(NamedTuple):
    """A user of an image.

    Attributes:
        home: absolute; None if it is not known.
        uid: the number; None if it is not known.
        gid: that of the user's group; None if it is not known.
    """

    home: str | None
    uid: str | None
    gid: str | None


def account(subject: Subject, step: Step) -> Account | None:
    """The account that a step runs as, if a step before has made it; None for root, and for those of base images."""
    name = step.user.partition(":")[0]
    if step.user in ROOT_USERS or "add" not in subject.text:
        return None
    for command in _before(subject, step):
        if _changes(command, name):
            return None
        made = _made(command, name)
        if made:
            return made
    return None


def home(subject: Subject, step: Step) -> str | None:
    """The home of who a step runs as, if it is known; a variable that names another is left aside."""
    found = account(subject, step)
    return found.home if found else None


def owner_options(subject: Subject, step: Step) -> str | None:
    """Options that give a cache mount to who a step runs as, ``,uid=1000``; None if the number is not known."""
    if step.user in ROOT_USERS:
        return ""
    name, _, group = step.user.partition(":")
    found = account(subject, step)
    uid = name if name.isdigit() else found.uid if found else None
    gid = group if group.isdigit() else found.gid if found and not group else None
    if uid is None or (name.isdigit() and group and gid is None):
        return None
    return f",uid={uid}{f',gid={gid}' if gid else ''}"


def _before(subject: Subject, step: Step) -> Iterator[Command]:
    """The commands of the RUNs that a step stands on, the last one first."""
    for other in below(subject, step):
        if isinstance(other.instruction, Run):
            yield from reversed(subject.commands.script(other).commands)


def _changes(command: Command, name: str) -> bool:
    """Whether a command may give an account another home or number, or take it away."""
    if command.program not in ("usermod", "userdel", "deluser") or name not in command.texts:
        return False
    options = {text for text in command.texts[1:] if text is None or text.startswith("-")}
    return command.program != "usermod" or not options <= _GROUPS_ALONE


def _made(command: Command, name: str) -> Account | None:
    """The account that a command makes, if its name or number is this one."""
    options = _MAKERS.get(command.program or "")
    if options is None:
        return None
    arguments = divide(command.words[1:], *options)
    uid, gid = _number(arguments.value("--uid")), _number(arguments.value("--gid"))
    if len(arguments.operands) != 1 or name not in (arguments.operands[0].text, uid):
        return None
    return Account(_home(command, arguments), uid, gid)


def _home(command: Command, arguments: Arguments) -> str | None:
    named = arguments.value("--home", "--home-dir")
    if named is not None:
        return named.text
    elsewhere = arguments.has("--base-dir") or (command.program == "adduser" and arguments.has("--system"))
    user = arguments.operands[0].text
    return None if elsewhere or not user else f"/home/{user}"


def _number(word: Word | None) -> str | None:
    return word.text if word and word.text and word.text.isdigit() else None
