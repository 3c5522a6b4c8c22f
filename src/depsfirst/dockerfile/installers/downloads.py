"""What is fetched past the installers: browsers, models and data, repositories, files from the network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Call, divide
from depsfirst.dockerfile.installers.model import Download, Installation, Installs
from depsfirst.dockerfile.installers.outputs import redirected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.shell import Word

_URL = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z|[0-9a-f]{64}\Z")
_GIT_VALUED = frozenset(
    [
        "--branch",
        "--depth",
        "--origin",
        "--reference",
        "--separate-git-dir",
        "--template",
        "--upload-pack",
        "--jobs",
        "--config",
        "--filter",
        "--revision",
        "--shallow-since",
        "--shallow-exclude",
        "--bundle-uri",
        "--server-option",
        "-C",
        "-c",
        "--git-dir",
        "--work-tree",
    ]
)
_CURL_VALUED = frozenset(
    [
        "--output",
        "--header",
        "--user",
        "--data",
        "--request",
        "--user-agent",
        "--retry",
        "--retry-delay",
        "--retry-max-time",
        "--connect-timeout",
        "--max-time",
        "--cacert",
        "--proxy",
        "--form",
        "--output-dir",
        "--write-out",
        "--data-binary",
        "--data-raw",
        "--cookie",
        "--referer",
        "--proto",
        "--tlsv",
        "--capath",
        "--cert",
        "--key",
        "--range",
        "--limit-rate",
        "--oauth2-bearer",
        "--resolve",
        "--interface",
        "--config",
        "--ciphers",
        "--url",
        "--proto-redir",
        "--tls-max",
        "--max-redirs",
        "--create-file-mode",
        "--netrc-file",
        "--etag-save",
        "--etag-compare",
    ]
)
_CURL_SHORT = {
    "-o": "--output",
    "-H": "--header",
    "-u": "--user",
    "-d": "--data",
    "-X": "--request",
    "-A": "--user-agent",
    "-m": "--max-time",
    "-x": "--proxy",
    "-F": "--form",
    "-w": "--write-out",
    "-b": "--cookie",
    "-e": "--referer",
    "-r": "--range",
    "-K": "--config",
    "-T": "--upload-file",
    "-E": "--cert",
}
_WGET_VALUED = frozenset(
    [
        "--output-document",
        "--directory-prefix",
        "--output-file",
        "--tries",
        "--timeout",
        "--user-agent",
        "--header",
        "--waitretry",
        "--user",
        "--password",
        "--post-data",
        "--level",
        "--accept",
        "--input-file",
        "--base",
        "--wait",
        "--execute",
        "--ca-certificate",
        "--secure-protocol",
    ]
)
_WGET_SHORT = {
    "-O": "--output-document",
    "-P": "--directory-prefix",
    "-o": "--output-file",
    "-t": "--tries",
    "-T": "--timeout",
    "-U": "--user-agent",
    "-l": "--level",
    "-A": "--accept",
    "-i": "--input-file",
    "-e": "--execute",
    "-w": "--wait",
    "-a": "--append-output",
}


def read(call: Call) -> Iterator[Finding]:
    """What one of the tools fetches."""
    yield from _TOOLS[call.tool](call)


def _text(word: Word) -> str:
    return word.source if word.text is None else word.text


def _playwright(call: Call) -> Iterator[Finding]:
    arguments = divide(call.words, frozenset())
    texts = [_text(word) for word in arguments.operands]
    if texts[:1] == ["install"] and not arguments.has("--dry-run", "--help", "-h"):
        yield Download("playwright", "browser", call.command, tuple(texts[1:]))
    if texts[:1] == ["install-deps"] or (texts[:1] == ["install"] and arguments.has("--with-deps")):
        yield Installation("playwright", "install-deps", Installs.SYSTEM, call.command)


def _verb_download(what: str, verb: str = "download") -> Callable[[Call], Iterator[Finding]]:
    """The reader of a tool that downloads what stands behind its verb."""

    def read_download(call: Call) -> Iterator[Finding]:
        valued = frozenset(
            {"--local-dir", "--cache-dir", "--revision", "--repo-type", "--token", "--include", "--exclude"}
        )
        arguments = divide(call.words, valued)
        texts = [_text(word) for word in arguments.operands]
        revision = arguments.value("--revision")
        pinned = bool(revision and _COMMIT.match(_text(revision)))
        where = arguments.value("--local-dir", "--cache-dir")
        if texts[:1] == [verb]:
            output = call.path(where) if where else None
            yield Download(call.tool, what, call.command, tuple(texts[1:]), checked=pinned, output=output)

    return read_download


def _nltk(call: Call) -> Iterator[Finding]:
    arguments = divide(call.words, frozenset({"-d", "--dir", "--url"}))
    where = arguments.value("-d", "--dir")
    names = tuple(_text(word) for word in arguments.operands)
    yield Download("nltk", "data", call.command, names, output=call.path(where) if where else None)


def _camoufox(call: Call) -> Iterator[Finding]:
    if call.words and call.words[0].text == "fetch":
        yield Download("camoufox", "browser", call.command)


def _git(call: Call) -> Iterator[Finding]:
    arguments = divide(call.words, _GIT_VALUED, {"-b": "--branch", "-o": "--origin", "-j": "--jobs"})
    texts = [_text(word) for word in arguments.operands]
    revision = arguments.value("--revision")
    pinned = bool(revision and _COMMIT.match(_text(revision)))
    directory = arguments.value("-C")
    inside = call.inside(directory.text) if directory else call
    if texts[:1] == ["clone"] and texts[1:]:
        name = texts[1].rstrip("/").rpartition("/")[2].removesuffix(".git")
        where = inside.at(texts[2] if texts[2:] else name)
        named = revision or arguments.value("--branch")
        asked = _text(named) if named else None
        yield Download("git", "repository", call.command, (texts[1],), checked=pinned, output=where, revision=asked)
    elif texts[:1] in (["pull"], ["fetch"]) or texts[:2] == ["submodule", "update"]:
        fixed = any(_COMMIT.match(text) for text in texts[1:]) or texts[0] == "submodule"
        asked = texts[2] if texts[2:] else None
        yield Download("git", "repository", call.command, tuple(texts[1:2]), checked=fixed, revision=asked)


def _curl(call: Call) -> Iterator[Finding]:
    arguments = divide(call.words, _CURL_VALUED, _CURL_SHORT)
    uploads = arguments.has("--data", "--data-binary", "--data-raw", "--form", "--upload-file", "--head", "-I", "-T")
    urls = tuple(_text(word) for word in (*arguments.operands, *arguments.values("--url")))
    if not urls or uploads:
        return
    directory = call.inside(_text(arguments.values("--output-dir")[-1])) if arguments.values("--output-dir") else call
    named = arguments.value("--output")
    output = directory.path(named) if named else redirected(call)
    if arguments.has("-O", "--remote-name", "--remote-name-all") and not named:
        output = directory.at(_last_part(urls[-1]))
    yield Download("curl", "url", call.command, urls, output=output)


def _wget(call: Call) -> Iterator[Finding]:
    arguments = divide(call.words, _WGET_VALUED, _WGET_SHORT)
    urls = tuple(_text(word) for word in arguments.operands)
    if not urls or arguments.has("--spider", "--post-data"):
        return
    named, folder = arguments.value("--output-document"), arguments.value("--directory-prefix")
    inside = call.inside(_text(folder)) if folder else call
    if named and named.text == "-":
        output = redirected(call)
    else:
        output = call.path(named) if named else inside.at(_last_part(urls[-1]))
    yield Download("wget", "url", call.command, urls, output=output)


def _last_part(url: str) -> str:
    return re.split(r"[?#]", url)[0].rstrip("/").rpartition("/")[2] or "index.html"


def _python_text(call: Call) -> Iterator[Finding]:
    """``python -c`` with a call that is known to fetch models or data."""
    text = _text(call.words[0]) if call.words else ""
    for what, pattern in _FETCHES:
        if found := re.search(pattern, text):
            yield Download("python", what, call.command, tuple(filter(None, found.groups())))
            return


_FETCHES = (
    ("data", r"nltk\.download\(\s*['\"]?([\w.-]*)"),
    ("model", r"\.from_pretrained\(\s*['\"]?([\w./-]*)"),
    ("model", r"snapshot_download\(\s*(?:repo_id=)?['\"]?([\w./-]*)"),
    ("model", r"SentenceTransformer\(\s*['\"]?([\w./-]*)"),
    ("model", r"tiktoken\.(?:get_encoding|encoding_for_model)\(\s*['\"]?([\w./-]*)"),
    ("model", r"whisper\.load_model\(\s*['\"]?([\w./-]*)"),
    ("model", r"spacy\.cli\.download\(\s*['\"]?([\w./-]*)"),
)

_TOOLS: Mapping[str, Callable[[Call], Iterator[Finding]]] = {
    "camoufox": _camoufox,
    "curl": _curl,
    "git": _git,
    "hf": _verb_download("model"),
    "huggingface-cli": _verb_download("model"),
    "nltk": _nltk,
    "nltk.downloader": _nltk,
    "playwright": _playwright,
    "python -c": _python_text,
    "spacy": _verb_download("model"),
    "wget": _wget,
}
