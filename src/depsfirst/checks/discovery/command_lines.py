"""Reads which builds the commands of a script start: ``docker build -f … DIRECTORY`` and its kin."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.discovery.found import Found, Misunderstood, build_of
from depsfirst.checks.model import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from depsfirst.dockerfile.shell import Command, Word

_WORTH_READING = re.compile(r"\b(?:docker|podman|nerdctl|buildah)\b[^\n]*?\b(?:build|bud)\b|kaniko/executor")
_BUILDS = (
    ("docker", "build"),
    ("docker", "buildx", "build"),
    ("docker", "image", "build"),
    ("docker", "builder", "build"),
    ("podman", "build"),
    ("podman", "image", "build"),
    ("nerdctl", "build"),
    ("buildah", "build"),
    ("buildah", "bud"),
)
_TOLD = ("podman", "buildah")
"""Builders that are no BuildKit, of which one has to know."""
_VALUED_OPTIONS = (
    "-f --file -t --tag --target --build-arg --build-context --platform --progress -o --output --secret --ssh --label"
    " --network --cache-from --cache-to --builder --iidfile --metadata-file --add-host --allow --annotation --attest"
    " --cgroup-parent --cgroupns --cpu-period --cpu-quota -c --cpu-shares --cpuset-cpus --cpuset-mems --device"
    " --isolation -m --memory --memory-swap --no-cache-filter --provenance --sbom --security-opt --shm-size --ulimit"
    " -v --volume --format --layers --manifest --env --from --arch --os --jobs --authfile --creds --ignorefile"
    " --call --policy"
)
_KANIKO = "/kaniko/executor"
_KANIKO_VALUED_OPTIONS = (
    "-c --context -f --dockerfile -d --destination -b --bucket --target --build-arg --cache-repo --cache-dir"
    " --cache-ttl --context-sub-path --custom-platform --digest-file --git --ignore-path --label --log-format"
    " --image-name-with-digest-file --oci-layout-path --registry-mirror --skip-tls-verify-registry --snapshot-mode"
    " --tar-path --tarPath --verbosity -v"
)
_KANIKO_VALUED = frozenset(_KANIKO_VALUED_OPTIONS.split())
_VALUED = frozenset(_VALUED_OPTIONS.split())
_GLOBAL_VALUED = frozenset({"--context", "-H", "--host", "--config", "-l", "--log-level", "--builder", "--root"})


_OWN_DIRECTORY = re.compile(
    r"""(?:\$\(|`)\s*dirname\s+(?:--\s+)?"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})"?\s*(?:\)|`)"""
)
"""How a script says where it stands."""


class _Given(NamedTuple):
    """Options and operands of one build; None stands for a value that is not known."""

    options: Mapping[str, list[str | None]]
    operands: Sequence[str | None]


def worth_reading(text: str) -> bool:
    """Whether a text can start a build at all."""
    return bool(_WORTH_READING.search(text))


def read(
    text: str,
    directory: Path,
    where: str,
    variables: Mapping[str, str | None] | None = None,
    own: Path | None = None,
) -> Iterator[Found]:
    """The builds that a shell script starts.

    Args:
        text: of the script.
        directory: that it runs in.
        where: its name, for origins.
        variables: what is known before it begins.
        own: the directory that the script stands in, if it is a file.
    """
    if not worth_reading(text):
        return
    from depsfirst.dockerfile.shell import read_script

    script = _OWN_DIRECTORY.sub(lambda _: str(own), text) if own else text
    for command in read_script(script, variables, str(directory)).commands:
        origin = f"{where}:{script.count(chr(10), 0, command.start) + 1}"
        if (words := _arguments(command)) is not None:
            found = _build(_given(words, _VALUED), command.cwd, origin)
            program = posixpath.basename(command.words[0].text or "")
            if isinstance(found, Invocation) and program in _TOLD:
                found = found._replace(engine=program)
            yield found
        elif command.words and command.words[0].text == _KANIKO:
            yield _kaniko_build(_given(command.words[1:], _KANIKO_VALUED), command.cwd, origin)


def _arguments(command: Command) -> tuple[Word, ...] | None:
    """What stands behind ``docker build``; None for all other commands."""
    words = command.words
    if not words or posixpath.basename(words[0].text or "") not in {build[0] for build in _BUILDS}:
        return None
    kept = [posixpath.basename(words[0].text or "")]
    position = 1
    while position < len(words):
        text = words[position].text or ""
        if text.startswith("-"):
            position += 1 + (text in _GLOBAL_VALUED)
            continue
        kept.append(text)
        position += 1
        if tuple(kept) in _BUILDS:
            return words[position:]
        if not any(build[: len(kept)] == tuple(kept) for build in _BUILDS):
            return None
    return None


def _given(words: Sequence[Word], valued: frozenset[str]) -> _Given:
    options: dict[str, list[str | None]] = {}
    operands: list[str | None] = []
    ahead = list(words)[::-1]
    while ahead:
        word = ahead.pop()
        name, equals, value = word.source.partition("=") if word.text is None else word.text.partition("=")
        if not name.startswith("-") or name == "-":
            operands.append(word.text)
        elif equals:
            options.setdefault(name, []).append(None if word.text is None else value)
        elif name in valued:
            options.setdefault(name, []).append(ahead.pop().text if ahead else None)
        elif name[:2] in ("-f", "-t") and len(name) > 2:  # noqa: PLR2004 - the value stands in the same word
            options.setdefault(name[:2], []).append(name[2:])
    return _Given(options, operands)


def _build(given: _Given, cwd: str | None, origin: str) -> Found:
    files = given.options.get("-f", []) + given.options.get("--file", [])
    if cwd is None or len(given.operands) != 1 or not given.operands[0] or (files and not files[-1]):
        return Misunderstood(origin, "its directory or its Dockerfile is known only when it runs")
    if files and files[-1] == "-":
        return Misunderstood(origin, "its Dockerfile comes from another command")
    targets = given.options.get("--target", [None])
    return build_of(
        Path(cwd),
        given.operands[0],
        files[-1] if files else None,
        origin=origin,
        beside_context=False,
        target=targets[-1],
        arguments=_pairs(given.options.get("--build-arg", [])),
        contexts=_pairs(given.options.get("--build-context", [])),
    )


def _kaniko_build(given: _Given, cwd: str | None, origin: str) -> Found:
    """The build of a kaniko executor, whose context is an option."""
    contexts = given.options.get("-c", []) + given.options.get("--context", ["."])
    files = given.options.get("-f", []) + given.options.get("--dockerfile", [])
    parts = given.options.get("--context-sub-path", [""])
    if cwd is None or not contexts[0] or parts[-1] is None or (files and not files[-1]):
        return Misunderstood(origin, "its directory or its Dockerfile is known only when it runs")
    context = posixpath.join(contexts[0].removeprefix("dir://"), parts[-1])
    return build_of(
        Path(cwd),
        context,
        files[-1] if files else None,
        origin=origin,
        beside_context=False,
        target=given.options.get("--target", [None])[-1],
        arguments=_pairs(given.options.get("--build-arg", [])),
    )


def _pairs(values: Sequence[str | None]) -> dict[str, str]:
    pairs = (value.partition("=") for value in values if value is not None)
    return {name: value for name, equals, value in pairs if equals}


_MAKE_VARIABLE = re.compile(r"^(?:export\s+|override\s+)?([A-Za-z_][\w.-]*)\s*(?::{0,3}|\?)=\s*(.*?)\s*$", re.MULTILINE)
_MAKE_REFERENCE = re.compile(r"\$(?:\(([\w.-]+)\)|\{([\w.-]+)\})")
_MOST_EXPANSIONS = 8


def read_makefile(text: str, directory: Path, where: str) -> Iterator[Found]:
    """The builds that the recipes of a Makefile start; as ``read``."""
    if not worth_reading(text):
        return
    variables = dict(_MAKE_VARIABLE.findall(text))
    for line, recipe in _recipes(text):
        if worth_reading(recipe):
            script = _shell_of(recipe, variables)
            for found in read(script, directory, where):
                number = int(found.origin.rpartition(":")[2]) + line - 1
                yield found._replace(origin=f"{where}:{number}")


def _recipes(text: str) -> Iterator[tuple[int, str]]:
    """Each line of a recipe with those that continue it, and its number."""
    kept: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not kept and not line.startswith("\t"):
            continue
        start = start if kept else number
        kept.append(line if start != number else line.lstrip("\t").lstrip("@-+ "))
        if not line.endswith("\\"):
            yield start, "\n".join(kept)
            kept = []


def _shell_of(recipe: str, variables: Mapping[str, str]) -> str:
    """What the shell gets of a recipe's line; a variable that is not known stays one of the shell."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return variables.get(name, f"${{{re.sub('[^0-9A-Za-z_]', '_', name)}}}")

    for _ in range(_MOST_EXPANSIONS):
        expanded = _MAKE_REFERENCE.sub(value, recipe)
        if expanded == recipe:
            break
        recipe = expanded
    return recipe.replace("$$", "$")
