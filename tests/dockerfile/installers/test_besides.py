from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.commands import Cache, Installs

if TYPE_CHECKING:
    from tests.dockerfile.installers.conftest import Read

S, F, TOOL = Installs.SYSTEM, Installs.FRONTEND, Installs.INSTALLER

INSTALLS = [
    ("apt-get update", "apt-get", "update", S, ()),
    (
        "DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0 install git curl",
        "apt-get",
        "install",
        S,
        ("git", "curl"),
    ),
    ("apt-get install --yes --no-install-recommends $PACKAGES", "apt-get", "install", S, ("gcc", "make")),
    ("xx-apt-get install -y gcc", "apt-get", "install", S, ("gcc",)),
    ("xx-apk add gcc", "apk", "add", S, ("gcc",)),
    ("npm update -g pnpm", "npm", "update", TOOL, ("pnpm",)),
    ("./npm ci", "npm", "ci", F, ()),
    ("apt install -y git", "apt", "install", S, ("git",)),
    ("apk add --no-cache --virtual .build gcc", "apk", "add", S, ("gcc",)),
    ("dnf -y install git", "dnf", "install", S, ("git",)),
    ("microdnf install git", "microdnf", "install", S, ("git",)),
    ("yum install -y --enablerepo epel git", "yum", "install", S, ("git",)),
    ("zypper in git", "zypper", "in", S, ("git",)),
    ("pacman -Sy --noconfirm git", "pacman", "install", S, ("git",)),
    ("npm ci", "npm", "ci", F, ()),
    ("npm i --omit=dev", "npm", "install", F, ()),
    ("npm install -g yarn@1", "npm", "install", TOOL, ("yarn@1",)),
    ("npm install -g sass", "npm", "install", F, ("sass",)),
    ("npm --prefix ui run build", "npm", "run", F, ("build",)),
    ("npx tailwindcss -o x.css", "npx", "run", F, ("tailwindcss",)),
    ("yarn", "yarn", "install", F, ()),
    ("yarn --frozen-lockfile", "yarn", "install", F, ()),
    ("yarn build", "yarn", "run", F, ("build",)),
    ("pnpm i --frozen-lockfile", "pnpm", "install", F, ()),
    ("pnpm build", "pnpm", "run", F, ("build",)),
    ("bun install", "bun", "install", F, ()),
    ("bun run build", "bun", "run", F, ("build",)),
    ("corepack enable", "corepack", "enable", TOOL, ()),
]


@pytest.mark.parametrize(("text", "tool", "verb", "kind", "packages"), INSTALLS, ids=[row[0] for row in INSTALLS])
def test_installs(read: Read, *, text: str, tool: str, verb: str, kind: Installs, packages: tuple[str, ...]) -> None:
    found = read(text, PACKAGES="gcc make")
    (installation,) = found.installations
    assert (installation.tool, installation.verb) == (tool, verb)
    assert (installation.kind, installation.packages) == (kind, packages)
    assert found.installs is kind
    assert found.unknown == ()


@pytest.mark.parametrize(
    "text",
    [
        "apt-get remove -y gcc",
        "apt-get purge -y --auto-remove gcc",
        "apt-get clean",
        "apt-get autoremove -y",
        "apt-get install -s gcc",
        "apt-mark hold gcc",
        "apt-cache search gcc",
        "apk del .build",
        "dnf clean all",
        "yum remove -y gcc",
        "pacman -Rs gcc",
        "npm config set registry https://npm.example",
        "npm cache clean --force",
        "npm --version",
        "npm uninstall x",
        "yarn --version",
        "yarn cache clean",
        "yarn config set x y",
        "corepack disable",
        'echo "npm ci"',
    ],
)
def test_installs_nothing(read: Read, *, text: str) -> None:
    assert read(text).installations == ()


@pytest.mark.parametrize(
    ("text", "inputs", "cache"),
    [
        ("npm ci", ("/app/package.json", "/app/package-lock.json", "/app/npm-shrinkwrap.json"), Cache(("/root/.npm",))),
        ("cd ui && npm ci --cache /c", None, Cache(("/c",))),
        (
            "npm --prefix ui ci",
            ("/app/ui/package.json", "/app/ui/package-lock.json", "/app/ui/npm-shrinkwrap.json"),
            None,
        ),
        ("pnpm i", ("/app/package.json", "/app/pnpm-lock.yaml"), Cache(("/root/.local/share/pnpm/store",))),
        ("PNPM_HOME=/pnpm pnpm i", None, Cache(("/pnpm/store",))),
        ("bun i", ("/app/package.json", "/app/bun.lock", "/app/bun.lockb"), Cache(("/root/.bun/install/cache",))),
        ("apk add --no-cache x", (), Cache(("/var/cache/apk", "/etc/apk/cache"), used=False)),
        ("apt-get install x", (), Cache(("/var/cache/apt", "/var/lib/apt"))),
    ],
)
def test_inputs_and_caches(read: Read, *, text: str, inputs: tuple[str, ...] | None, cache: Cache | None) -> None:
    found = read(text).installations[-1]
    assert inputs is None or found.inputs == inputs
    assert cache is None or found.cache == cache


DOWNLOADS = [
    ("playwright install --with-deps chromium", "playwright", "browser", ("chromium",), False, None),
    ("python -m playwright install", "playwright", "browser", (), False, None),
    ("npx playwright install firefox", "playwright", "browser", ("firefox",), False, None),
    ("python -m spacy download en_core_web_sm", "spacy", "model", ("en_core_web_sm",), False, None),
    (
        "huggingface-cli download org/model --local-dir /models",
        "huggingface-cli",
        "model",
        ("org/model",),
        False,
        "/models",
    ),
    ("hf download org/model --revision " + "a" * 40, "hf", "model", ("org/model",), True, None),
    ("python -m nltk.downloader -d /nltk punkt", "nltk", "data", ("punkt",), False, "/nltk"),
    ("python -c \"import nltk; nltk.download('punkt')\"", "python", "data", ("punkt",), False, None),
    (
        "git clone --depth 1 -b v1 https://code.example/x.git",
        "git",
        "repository",
        ("https://code.example/x.git",),
        False,
        "/app/x",
    ),
    ("git clone https://code.example/x /src", "git", "repository", ("https://code.example/x",), False, "/src"),
    ("git clone https://code.example/x && git -C x checkout " + "b" * 40, "git", "repository", None, True, "/app/x"),
    ("git clone https://code.example/x && git -C x checkout main", "git", "repository", None, False, "/app/x"),
    ("curl -fsSL https://files.example/a.sh | sh", "curl", "url", ("https://files.example/a.sh",), False, None),
    ("curl -sSLo /tmp/a.tgz https://files.example/a.tgz", "curl", "url", None, False, "/tmp/a.tgz"),
    ("cd /tmp && curl -LO https://files.example/a.tgz?x=1", "curl", "url", None, False, "/tmp/a.tgz"),
    ("curl https://files.example/a > a.txt", "curl", "url", None, False, "/app/a.txt"),
    ("curl -o a https://files.example/a && echo 'abc  a' | sha256sum -c -", "curl", "url", None, True, "/app/a"),
    ("wget -q https://files.example/a.tgz -P /opt", "wget", "url", None, False, "/opt/a.tgz"),
    ("wget -qO- https://files.example/a.tgz | tar xz", "wget", "url", None, False, None),
    ("wget -O k.asc https://files.example/k && gpg --verify k.asc", "wget", "url", None, True, "/app/k.asc"),
]


@pytest.mark.parametrize(
    ("text", "tool", "what", "sources", "checked", "output"), DOWNLOADS, ids=[row[0] for row in DOWNLOADS]
)
def test_downloads(
    read: Read, *, text: str, tool: str, what: str, sources: tuple[str, ...] | None, checked: bool, output: str | None
) -> None:
    (found,) = read(text).downloads
    assert (found.tool, found.what, found.checked, found.output) == (tool, what, checked, output)
    assert sources is None or found.sources == sources


@pytest.mark.parametrize(
    "text",
    [
        "curl --version",
        "curl -d x=1 https://api.example/hook",
        "wget --spider https://files.example",
        "git config --global user.name x",
        "git rev-parse HEAD > version",
        "git init . && git status",
        "playwright --version",
        "python -m spacy info",
        "python -c 'import nltk'",
        "spacy --help",
        'echo "git clone https://code.example/x"',
    ],
)
def test_downloads_nothing(read: Read, *, text: str) -> None:
    assert read(text).downloads == ()


def test_browsers_bring_system_packages(read: Read) -> None:
    assert read("playwright install --with-deps").installs is S
    assert read("playwright install").installs is None


@pytest.mark.parametrize(
    ("text", "tool", "paths", "recursive"),
    [
        ("chown -R app:app /app /data", "chown", ("/app", "/data"), True),
        ("chown --recursive $USER .", "chown", ("/app",), True),
        ("chmod -R a+rX /venv", "chmod", ("/venv",), True),
        ("chmod +x start.sh", "chmod", ("/app/start.sh",), False),
        ("chmod -Rv 0755 bin", "chmod", ("/app/bin",), True),
        ("chown --reference=/etc -R /x", "chown", ("/x",), True),
    ],
)
def test_ownership(read: Read, *, text: str, tool: str, paths: tuple[str, ...], recursive: bool) -> None:
    (found,) = read(text).ownership
    assert (found.tool, found.paths, found.recursive) == (tool, paths, recursive)
