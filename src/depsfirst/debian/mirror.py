"""Finds the Debian mirror to use: the user's setting, the environment, else the machine's own apt sources."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.debian.model import Mirror
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "DEPSFIRST_DEBIAN_MIRROR"
APT = Path("/etc/apt")

_SECURITY = "-security"
_UPDATES = "-updates"
_SCHEMES = ("http://", "https://", "file:/")
_NO = frozenset({"no", "false", "0", "without", "off", "disable"})
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)")
_SETTING = re.compile(r"(?:\[(?P<options>[^]]*)\]\s*)?(?P<urls>[^[\]]+)")
_HINT = (
    f'set {VARIABLE}, or "mirror" in [tool.depsfirst], to the URL of a Debian mirror (the folder that holds '
    '"dists"), and after a space to that of its security archive'
)


class _Source(NamedTuple):
    """A line or stanza of apt's sources, for one URI and one suite."""

    uri: str
    suite: str
    main: bool
    debian: bool
    check_valid_until: bool
    origin: str


def find_mirror(suite: str, chosen: str | None = None, *, apt: Path = APT) -> Mirror:
    """The mirror for ``suite``.

    Args:
        suite: a code name or ``stable``; the machine's own sources may be for another one.
        chosen: the user's setting: one URL, or that of the archive and that of its security archive; before
            them apt's ``[check-valid-until=no]``, for a snapshot.
        apt: apt's configuration directory.

    Raises:
        DepsfirstError: none is known, or the setting is no URL.
    """
    for setting, origin in ((chosen, 'the setting "mirror"'), (os.environ.get(VARIABLE), VARIABLE)):
        if setting and setting.strip():
            return _from_setting(setting, origin)
    sources = [source for source in _apt_sources(apt) if source.uri.startswith(_SCHEMES) and source.main]
    found = _best([source for source in sources if not source.suite.endswith(_SECURITY)], suite)
    if found is None:
        raise DepsfirstError(f'no mirror is known for the Debian suite "{suite}"', where=str(apt), hint=_HINT)
    security = _best([source for source in sources if source.suite.endswith(_SECURITY)], suite + _SECURITY)
    return Mirror(
        main=found.uri,
        security=security.uri if security else _sibling(found.uri),
        check_valid_until=found.check_valid_until and (security is None or security.check_valid_until),
        origin=found.origin,
    )


def _from_setting(setting: str, origin: str) -> Mirror:
    match = _SETTING.fullmatch(setting.strip())
    urls = match["urls"].split() if match else []
    if not urls or len(urls) > 2 or not all(url.startswith(_SCHEMES) for url in urls):  # noqa: PLR2004 - see the hint
        raise DepsfirstError(f'"{setting}" is no Debian mirror', where=origin, hint=_HINT)
    options = _options(match["options"] if match else "")
    main = urls[0].rstrip("/")
    security = urls[1].rstrip("/") if urls[1:] else _sibling(main)
    return Mirror(main, security, _checks_valid_until(options), origin)


def _sibling(main: str) -> str | None:
    """The place of security updates beside an archive, as mirrors lay it out; whether it is there will be seen."""
    head, folder, tail = main.rpartition("/debian")
    return f"{head}/debian{_SECURITY}{tail}" if folder and tail[:1] in {"", "/"} else None


def _best(sources: Iterable[_Source], suite: str) -> _Source | None:
    """The source that is for this suite, else one that is Debian's by its key, else by its path."""

    def rank(source: _Source) -> tuple[bool, bool, bool]:
        path = f"{source.uri}/"
        return source.suite == suite, source.debian, "/debian/" in path or f"/debian{_SECURITY}/" in path

    candidates = [source for source in sources if any(rank(source))]
    return max(candidates, key=rank, default=None)


def _apt_sources(apt: Path) -> Iterator[_Source]:
    folder = apt / "sources.list.d"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    for path in (apt / "sources.list", *(folder / name for name in names)):
        if path.suffix not in {".list", ".sources"}:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        yield from _stanzas(text, path) if path.suffix == ".sources" else _lines(text, path)


def _lines(text: str, path: Path) -> Iterator[_Source]:
    for number, line in enumerate(text.splitlines(), 1):
        match = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            components, options = match["components"].split(), _options(match["options"])
            yield from _sources([match["uri"]], [match["suite"]], components, options, f"{path}:{number}")


def _stanzas(text: str, path: Path) -> Iterator[_Source]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {
            name.strip().lower(): value
            for name, _, value in (line.partition(":") for line in re.sub(r"\n[ \t]", " ", stanza).splitlines())
        }
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").strip().lower() not in _NO:
            uris, suites = fields.get("uris", "").split(), fields.get("suites", "").split()
            yield from _sources(uris, suites, fields.get("components", "").split(), fields, str(path))


def _sources(
    uris: list[str], suites: list[str], components: list[str], options: dict[str, str], origin: str
) -> Iterator[_Source]:
    debian = "debian-archive" in options.get("signed-by", "")
    check = _checks_valid_until(options)
    for uri in uris:
        for suite in suites:
            for place in _listed(uri):
                yield _Source(place.rstrip("/"), suite, "main" in components, debian, check, origin)


def _options(text: str | None) -> dict[str, str]:
    """``a=b c=d``, as one-line sources have it in brackets."""
    return {key.lower(): value for key, _, value in (option.partition("=") for option in (text or "").split())}


def _checks_valid_until(options: dict[str, str]) -> bool:
    return options.get("check-valid-until", "yes").strip().lower() not in _NO


def _listed(uri: str) -> list[str]:
    """The mirrors of a ``mirror+file:`` list, as Debian's cloud images have; else the URI itself."""
    if not uri.startswith("mirror+file:"):
        return [uri]
    try:
        lines = Path(re.sub(r"^mirror\+file:/*", "/", uri)).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")][:1]
