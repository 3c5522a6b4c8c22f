from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import depsfirst
from depsfirst.content import ContentStore
from depsfirst.oci.image import LAYER, Blob, Descriptor, FileSlice, Image, Layer
from depsfirst.trials.runners import KEPT, Outcome, Trial, UnavailableError, tail
from depsfirst.trials.runners.chroot import Chroot
from depsfirst.trials.runners.docker import Docker
from depsfirst.trials.runners.podman import FLAGS, Podman
from depsfirst.trials.verify import Request, Verdict, failure, top_level, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    class HostRoot(Protocol):
        tar: Path
        python: str
        path: str


PLATFORM = f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"

LONG = 300
"""Seconds that no import of these tests takes, however busy the machine is; but for those that hang."""
HANGS = f"import time\nprint('waiting', flush=True)\ntime.sleep({2 * LONG})\n"


@dataclass
class Here:
    """Runs the command on this machine, with modules of one folder."""

    folder: Path
    name: str = "here"
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, trial: Trial) -> Outcome:
        self.ran.append(trial.command)
        command = [sys.executable, *trial.command[1:]]
        try:
            done = subprocess.run(
                command,
                env={"PYTHONPATH": str(self.folder)},
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=trial.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return Outcome(None, tail(error.output or b""))
        status = done.returncode
        return Outcome(status if status >= 0 else 128 - status, tail(done.stdout))


@dataclass
class Absent:
    name: str
    reason: str

    def run(self, _trial: Trial) -> Outcome:
        raise UnavailableError(self.reason)


def layer(data: bytes, kind: str) -> Layer:
    return Layer(f"sha256:{hashlib.sha256(data).hexdigest()}", Blob.of(data, LAYER), kind)


IMAGE = Image(
    {"architecture": "amd64", "config": {"Env": ["PATH=/usr/bin"]}},
    (layer(b"base", "base"), layer(b"packages", "dependencies"), layer(b"own", "first-party"), layer(b"code", "code")),
)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Here]:
    def write(**sources: str) -> Here:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(dedent(source))
        return Here(folder)

    return write


def request(*modules: str, **changes: object) -> Request:
    base = Request(IMAGE, "/opt/venv/bin/python", modules or ("shop",), frozenset({"os"}), PLATFORM, timeout=LONG)
    return base._replace(**changes)  # type: ignore[arg-type]


def test_what_imports_passes_and_is_remembered(store: ContentStore, project: Callable[..., Here]) -> None:
    here = project(shop="import json\n", cli="def main(): pass\n")
    asked = request("shop", "cli:main")
    verdict = verify(asked, store, [here])
    assert (verdict.state, verdict.runner, str(verdict)) == ("passed", "here", "passed")
    again = verify(asked, store, [here])
    assert (again.state, str(again)) == ("passed", "passed before")
    assert len(here.ran) == 1
    assert failure(verdict) is None


def with_layers(*layers: Layer) -> Image:
    return IMAGE._replace(layers=layers)


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({"image": with_layers(*IMAGE.layers[:3], layer(b"edited", "code"))}, False),
        ({"image": with_layers(*IMAGE.layers[:2], layer(b"edited", "first-party"), IMAGE.layers[3])}, False),
        ({"image": IMAGE._replace(config={**IMAGE.config, "created": "2026-01-01T00:00:00Z"})}, False),
        ({"image": with_layers(IMAGE.layers[0], layer(b"newer", "dependencies"), *IMAGE.layers[2:])}, True),
        ({"image": with_layers(layer(b"newer", "base"), *IMAGE.layers[1:])}, True),
        ({"image": IMAGE._replace(config={"config": {"Env": ["PATH=/usr/bin", "X=1"]}})}, True),
        ({"image": IMAGE._replace(config={"config": {"Env": ["PATH=/usr/bin"], "User": "7"}})}, True),
        ({"imported": frozenset({"os", "json:loads"})}, True),
        ({"modules": ("shop", "os")}, True),
        ({"python": "/usr/bin/python3"}, True),
        ({"platform": "linux/riscv64"}, True),
        ({"mode": "always"}, True),
    ],
)
def test_what_makes_it_run_again(
    changes: dict[str, object], *, runs: bool, store: ContentStore, project: Callable[..., Here]
) -> None:
    here = project(shop="")
    verify(request(), store, [here])
    assert verify(request(**changes), store, [here]).state == "passed"
    assert len(here.ran) == 1 + runs


def test_a_failure_is_not_remembered(store: ContentStore, project: Callable[..., Here]) -> None:
    here = project(shop="import nowhere\n")
    assert verify(request(), store, [here]).state == "failed"
    assert verify(request(), store, [here]).state == "failed"
    project(shop="")
    assert verify(request(), store, [here]).state == "passed"
    assert len(here.ran) == 3


@pytest.mark.parametrize(
    ("source", "modules", "reason", "said"),
    [
        ("import nowhere", ("os", "shop"), "ModuleNotFoundError: No module named 'nowhere'", 'shop.py", line 1'),
        ("from os import nothing", ("shop",), "ImportError: cannot import name 'nothing' from 'os'", "shop.py"),
        ("def main(): pass", ("os", "shop:start"), "AttributeError: module 'shop' has no attribute 'start'", ""),
        ("class A: pass", ("shop:A.run",), "AttributeError: type object 'A' has no attribute 'run'", ""),
        ("import sys\nsys.exit('no settings')", ("shop",), "it ended Python with sys.exit('no settings')", ""),
        ("raise KeyboardInterrupt", ("shop",), "KeyboardInterrupt", ""),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", ("shop",), "the interpreter crashed", "shop.py"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ("shop",), "the interpreter was killed", ""),
        ("import os\nos._exit(3)", ("shop",), "the interpreter ended with status 3", ""),
        ("x = (", ("shop",), "SyntaxError: '(' was never closed", 'shop.py", line 1'),
        ("print('noise\\n' * 9000)\nimport nowhere", ("shop",), "ModuleNotFoundError", "noise\nTraceback"),
        ("raise ImportError('no git here\\n\\nset X:\\n  X=1')", ("shop",), "ImportError: no git here", "set X:"),
        (
            "import traceback, sys\ntry:\n    1/0\nexcept Exception:\n    traceback.print_exc()\nsys.exit(3)",
            ("shop",),
            "it ended Python with sys.exit(3)",
            "ZeroDivisionError",
        ),
    ],
)
def test_what_fails(
    source: str, modules: tuple[str, ...], reason: str, *, said: str, store: ContentStore, project: Callable[..., Here]
) -> None:
    verdict = verify(request(*modules), store, [project(shop=source)])
    assert verdict.state == "failed"
    assert verdict.module == modules[-1]
    assert verdict.reason.startswith(reason)
    assert said in verdict.output
    assert "importlib" not in verdict.output
    assert "depsfirst" not in verdict.output
    assert '"<string>"' not in verdict.output
    error = failure(verdict)
    assert error is not None
    assert error.message.startswith(f'importing "{modules[-1]}" in the image failed: {reason}')
    assert error.where == "import check (here)"
    assert "--verify never" in (error.hint or "")


def stopped(asked: Request, judged: Callable[[Request], Verdict], seconds: int) -> Verdict:
    """The verdict on an import that hangs, of a limit that let it begin: how long a start takes is the machine's."""
    verdict = Verdict("skipped")
    while not verdict.output and seconds < LONG:
        verdict = judged(asked._replace(timeout=seconds))
        assert (verdict.state, verdict.reason) == ("failed", f"it took longer than {seconds} s")
        seconds *= 4
    return verdict


def test_an_import_that_hangs(store: ContentStore, project: Callable[..., Here]) -> None:
    here = project(shop=HANGS)
    assert stopped(request(), lambda asked: verify(asked, store, [here]), 1).output == "waiting"


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.exit()",
        "import sys\nassert sys.dont_write_bytecode",
        "import sys, os\nassert os.getcwd() in sys.path and '' not in sys.path",
        f"import threading, time\nthreading.Thread(target=time.sleep, args=({2 * LONG},)).start()",
        f"import atexit, time\natexit.register(time.sleep, {2 * LONG})",
        "import sys\nsys.stdout.write('no line')",
    ],
)
def test_what_passes_all_the_same(source: str, store: ContentStore, project: Callable[..., Here]) -> None:
    assert verify(request(), store, [project(shop=source)]).state == "passed"


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['SHOP_SECRET']\n", "raise ConnectionError('no database')\n", "raise SystemExit(3)\n"],
)
def test_what_its_surroundings_lack_is_told_and_no_failure(
    source: str, store: ContentStore, project: Callable[..., Here]
) -> None:
    here = project(shop=source, cli="")
    verdict = verify(request("?shop", "cli"), store, [here])
    assert verdict.state == "passed"
    assert str(verdict).startswith("passed" if "SystemExit" in source else "passed but for shop (")
    assert verify(request("shop"), store, [here]).state == "failed"


@pytest.mark.parametrize("source", ["import nowhere\n", "raise ImportError('libtill.so.1')\n", "def :\n"])
def test_an_import_that_fails_is_a_failure_in_any_surroundings(
    source: str, store: ContentStore, project: Callable[..., Here]
) -> None:
    verdict = verify(request("?shop"), store, [project(shop=source)])
    assert (verdict.state, verdict.module) == ("failed", "shop")


def test_an_object_is_called_with_the_variables_before_it(store: ContentStore, project: Callable[..., Here]) -> None:
    here = project(shop="import os\n\ndef setup():\n    __import__(os.environ['SHOP_SETTINGS'])\n", live="")
    assert verify(request("SHOP_SETTINGS=live", "shop:setup()"), store, [here]).state == "passed"
    verdict = verify(request("SHOP_SETTINGS=dead", "?shop:setup()"), store, [here])
    assert (verdict.state, verdict.module) == ("failed", "shop:setup()")
    assert "No module named 'dead'" in verdict.reason


def test_never(store: ContentStore, project: Callable[..., Here]) -> None:
    here = project(shop="import nowhere")
    verdict = verify(request(mode="never"), store, [here])
    assert (verdict.state, here.ran) == ("skipped", [])
    assert failure(verdict, "never") is None


def test_a_project_without_modules(store: ContentStore) -> None:
    assert str(verify(request()._replace(modules=()), store, [])) == "skipped: the project has no module to import"


def test_the_first_that_can_runs_it(store: ContentStore, project: Callable[..., Here]) -> None:
    verdict = verify(request(), store, [Absent("docker", "it is asleep"), project(shop=""), Absent("x", "y")])
    assert (verdict.state, verdict.runner) == ("passed", "here")


def test_none_that_can_is_a_reason_and_an_error_for_who_insists(store: ContentStore) -> None:
    absent = [Absent("docker", "it is asleep"), Absent("chroot", "it takes Linux")]
    verdict = verify(request(), store, absent)
    assert str(verdict) == "skipped: docker: it is asleep; chroot: it takes Linux"
    assert failure(verdict, "auto") is None
    error = failure(verdict, "always")
    assert error is not None
    assert error.message == "the import could not be tried: docker: it is asleep; chroot: it takes Linux"
    assert str(verify(request(), store, [])) == "skipped: nothing here can run the image"


def test_only_the_end_of_what_is_said_is_kept() -> None:
    assert tail(b"abc\n") == "abc"
    said = tail(b"x" * 100 + b"\n" + b"y" * (KEPT - 50) + b"\nlast\n")
    assert said == "y" * (KEPT - 50) + "\nlast"


def test_the_modules_of_a_wheel() -> None:
    paths = ["shop/__init__.py", "shop/cli.py", "single.py", "ns/part/__init__.py", "shop-1.dist-info/RECORD", "a-b.py"]
    assert top_level(paths) == ("ns.part", "shop", "single")


# From here on in the image's own file system.


def packed(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            file.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1234:99:an app:/home/app:/bin/sh\n"
GROUP = "root:x:0:\nstaff:x:50:app\nwheel:x:10:root\n"


def image_of(host: HostRoot, files: dict[str, str], **settings: object) -> Image:
    size = host.tar.stat().st_size
    digest = f"sha256:{hashlib.sha256(host.tar.read_bytes()).hexdigest()}"
    base = Layer(digest, Blob(Descriptor(LAYER, digest, size), (FileSlice(host.tar, 0, size),)), "base")
    code = {"etc/passwd": PASSWD, "etc/group": GROUP} | {
        f"opt/site/{name}": dedent(text) for name, text in files.items()
    }
    env = [f"PATH={host.path}", "PYTHONPATH=/opt/site", "GREETING=hello=there"]
    config = {"Env": env, "User": "65532:65532", "WorkingDir": "/opt/site", **settings}
    architecture = PLATFORM.partition("/")[2]
    return Image({"architecture": architecture, "os": "linux", "config": config}, (base, layer(packed(code), "code")))


def in_image(host: HostRoot, files: dict[str, str], *modules: str, **settings: object) -> Request:
    image = image_of(host, files, **settings)
    return Request(image, "/usr/local/bin/python3", modules or ("shop",), frozenset(), PLATFORM, timeout=LONG)


INSIDE = """
    import os, socket, sys
    assert os.environ["GREETING"] == "hello=there", os.environ
    assert "SECRET_OF_THE_HOST" not in os.environ
    assert os.environ["HOME"] == "{home}", os.environ
    assert (os.getuid(), os.getgid(), os.getgroups()) == ({uid}, {gid}, {groups}), (os.getuid(), os.getgroups())
    assert os.getcwd() == "/opt/site"
    assert not os.path.exists("{outside}")
    assert sys.stdin.read() == ""
    for name in ("null", "urandom"):
        open("/dev/" + name, "rb").read(1)
    for name, _, files in os.walk("/opt/site"):
        assert not [file for file in files if file.endswith(".pyc")]
"""
APART = """
    assert os.getpid() == 1
    assert open("/proc/self/status").read().startswith("Name")
    assert not [line for line in open("/proc/self/status") if line.startswith("CapEff") and int(line.split()[1], 16)]
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=5)
    except OSError as error:
        assert error.errno in (101, 113), error
    else:
        raise AssertionError("there is a network")
    try:
        open("/sys/kernel/profiling", "w")
        open("/proc/sys/kernel/hostname", "w")
    except OSError:
        pass
    else:
        raise AssertionError("the host can be changed")
"""


def ran(asked: Request, store: ContentStore) -> Verdict:
    """The verdict of the chroot runner, where this machine has one."""
    verdict = verify(asked, store, [Chroot(store)])
    if verdict.state == "skipped":
        message = f"namespaces or root are needed ({verdict.reason})"
        pytest.fail(message) if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1" else pytest.skip(message)
    return verdict


@pytest.fixture
def _a_strange_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_a_strange_host")
def test_in_a_root_of_its_own(host_root: HostRoot, store: ContentStore, tmp_path: Path) -> None:
    (tmp_path / "outside").touch()
    here = os.geteuid() == 0
    groups = [65532] if here else []
    source = INSIDE.format(home="/", uid=65532, gid=65532, groups=groups, outside=tmp_path / "outside")
    verdict = ran(in_image(host_root, {"shop.py": dedent(source) + dedent(APART)}), store)
    assert verdict.state == "passed", verdict.output
    assert list((store.root / "tmp").iterdir()) == []
    assert str(store.root) not in Path("/proc/self/mounts").read_text()


def test_the_users_of_the_image(host_root: HostRoot, store: ContentStore, tmp_path: Path) -> None:
    root = os.geteuid() == 0
    groups = [50, 99] if root else []
    source = INSIDE.format(home="/home/app", uid=1234, gid=99, groups=groups, outside=tmp_path)
    verdict = ran(in_image(host_root, {"shop.py": source}, User="app"), store)
    assert verdict.state == "passed", verdict.output
    for user, reason in {"ghost": 'no user "ghost"', "app:ghosts": 'no group "ghosts"'}.items():
        asked = in_image(host_root, {"shop.py": ""}, User=user)
        assert reason in verify(asked, store, [Chroot(store)]).reason


def test_what_fails_in_a_root_of_its_own(host_root: HostRoot, store: ContentStore) -> None:
    verdict = ran(in_image(host_root, {"shop.py": "import os\nimport nowhere\n"}), store)
    assert (verdict.state, verdict.module) == ("failed", "shop")
    assert verdict.reason == "ModuleNotFoundError: No module named 'nowhere'"
    assert 'File "/opt/site/shop.py", line 2' in verdict.output
    asked = in_image(host_root, {"shop.py": ""})._replace(python="/opt/venv/bin/python")
    verdict = ran(asked, store)
    assert (verdict.state, verdict.reason) == ("failed", 'there is no "/opt/venv/bin/python"')


def test_what_hangs_in_a_root_of_its_own_is_stopped(host_root: HostRoot, store: ContentStore) -> None:
    mark = uuid.uuid4().hex
    command = f"[sys.executable, '-c', 'import time; time.sleep({LONG})', '{mark}']"
    child = f"import subprocess, sys\nsubprocess.Popen({command})\n"
    asked = in_image(host_root, {"shop.py": child + HANGS})
    assert stopped(asked, lambda asked: ran(asked, store), 2).output == "waiting"
    deadline = time.monotonic() + LONG / 2
    while (left := running(mark)) and time.monotonic() < deadline:  # killed, but the kernel has to come to it
        time.sleep(0.05)
    assert not left


def running(word: str) -> list[bytes]:
    """The command lines that have this word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            found.append(path.read_bytes())
    return [line for line in found if word.encode() in line]


def test_files_left_out_at_first_are_there_when_they_are_needed(host_root: HostRoot, store: ContentStore) -> None:
    files = {"shop/__init__.py": "from shop.tests import data\n", "shop/tests/data.py": ""}
    assert ran(in_image(host_root, files), store).state == "passed"


def test_a_platform_that_this_machine_cannot_run(host_root: HostRoot, store: ContentStore) -> None:
    asked = in_image(host_root, {"shop.py": ""})._replace(platform="linux/mips64le")
    verdict = verify(asked, store, [Chroot(store)])
    assert verdict.state == "skipped"
    assert "cannot run linux/mips64le" in verdict.reason


DRIVER = """
import json, sys
from pathlib import Path
from depsfirst.content import ContentStore
from depsfirst.trials.runners.chroot import Chroot
from depsfirst.trials.verify import Request, verify
from depsfirst.oci.image import LAYER, Blob, Descriptor, FileSlice, Image, Layer

tars, config, store, module, platform = json.loads(sys.argv[1])
layers = []
for tar in map(Path, tars):
    size = tar.stat().st_size
    layers.append(Layer(tar.name, Blob(Descriptor(LAYER, tar.name, size), (FileSlice(tar, 0, size),)), "base"))
request = Request(Image(config, tuple(layers)), "/usr/local/bin/python3", (module,), frozenset(), platform)
verdict = verify(request, ContentStore(Path(store)), [Chroot(ContentStore(Path(store)))])
print(json.dumps([verdict.state, verdict.reason, verdict.output]))
"""


def public_python() -> str:
    """An interpreter that any user may run."""
    candidates = [sys.executable, *filter(None, map(shutil.which, ("python3.13", "python3.12", "python3.11")))]
    for python in [*candidates, "/usr/bin/python3", "/usr/local/bin/python3"]:
        fits = "import os, sys; sys.exit(not os.access(sys.executable, os.X_OK) or sys.version_info < (3, 11))"
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-c", fits]
        if subprocess.run(as_nobody, capture_output=True, check=False, cwd="/").returncode == 0:
            return python
    pytest.skip("no Python 3.11 or newer that every user may run")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="root and setpriv are needed")
@pytest.mark.parametrize(
    ("privileges", "source"),
    [
        (("--reuid=65534", "--regid=65534", "--clear-groups"), INSIDE + APART),
        (("--bounding-set=-sys_admin", "--inh-caps=-sys_admin"), INSIDE),
        (("--bounding-set=-sys_admin", "--inh-caps=-sys_admin"), "open('/proc/self/status')"),
    ],
    ids=["a user", "root in a container", "root in a container, without proc"],
)
def test_with_fewer_privileges(privileges: tuple[str, ...], source: str, host_root: HostRoot) -> None:
    user = "--reuid=65534" in privileges
    text = source.format(home="/", uid=7777, gid=7777, groups=[65534] if user else [7777], outside="/nowhere")
    image = image_of(host_root, {"shop.py": text.replace("[65534]", "os.getgroups()")}, User="7777:7777")
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        shutil.copytree(Path(depsfirst.__file__).parent, folder / "src" / "depsfirst")
        shutil.copy(host_root.tar, folder / "base.tar")
        (folder / "code.tar").write_bytes(b"".join(image.layers[1].blob.chunks()))
        (folder / "cache").mkdir()
        tars = [str(folder / name) for name in ("base.tar", "code.tar")]
        subprocess.run(["chmod", "-R", "a+rX", made], check=True)
        (folder / "cache").chmod(0o777)
        plan = json.dumps([tars, dict(image.config), str(folder / "cache"), "shop", PLATFORM])
        done = subprocess.run(
            ["setpriv", *privileges, public_python(), "-c", DRIVER, plan],
            env={"PYTHONPATH": str(folder / "src"), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr
        state, reason, output = json.loads(done.stdout)
        assert list((folder / "cache" / "tmp").iterdir()) == []
    if user and state == "skipped":
        pytest.skip(f"users may not make namespaces here ({reason})")
    if source.startswith("open"):
        assert (state, "no /proc" in reason) == ("skipped", True)
    else:
        assert state == "passed", f"{reason}\n{output}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, url: str) -> None:
        super().__init__("docker")
        self._path = url.removeprefix("unix://")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LONG)
        self.sock.connect(self._path)


def asking(url: str) -> Callable[[str, str, bytes | None], tuple[int, bytes]]:
    def ask(method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = UnixConnection(url)
        try:
            kind = "application/x-tar" if "/images/" in path else "application/json"
            connection.request(method, path, body, {"Content-Type": kind})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    return ask


@pytest.fixture
def image_name() -> str:
    """A name that no other test has for its images; the daemon serves other tests, too."""
    return f"depsfirst-test-verify:{uuid.uuid4().hex[:12]}"


def containers(url: str, image: str) -> list[str]:
    """Ids of the containers of an image."""
    found = json.loads(asking(url)("GET", "/containers/json?all=1", None)[1])
    return [each["Id"] for each in found if each["Image"] == image]


def load(host: HostRoot, asked: Request, url: str, name: str) -> None:
    """Load the image into a daemon, by way of an archive."""
    from depsfirst.oci.reference import parse_reference
    from depsfirst.oci.store import copy
    from depsfirst.oci.stores.archive import Archive

    archive = host.tar.parent / "image.tar"
    copy(asked.image, Archive(archive, parse_reference(name)))
    status, body = asking(url)("POST", "/images/load?quiet=1", archive.read_bytes())
    assert status == 200, body


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["good", "bad", "slow", "absent"])
def test_in_docker(kind: str, host_root: HostRoot, docker_classic: str, image_name: str, store: ContentStore) -> None:
    inside = INSIDE.format(home="/", uid=65532, gid=65532, groups="os.getgroups()", outside="/nowhere")
    source = {"good": inside, "bad": "import nowhere", "slow": HANGS, "absent": ""}[kind]
    asked = in_image(host_root, {"shop.py": source})
    runner = Docker(asking(docker_classic), image_name)
    if kind != "absent":
        load(host_root, asked, docker_classic, image_name)
    verdict = verify(asked._replace(timeout=1 if kind == "slow" else LONG), store, [runner])
    expected = {
        "good": ("passed", ""),
        "bad": ("failed", "ModuleNotFoundError: No module named 'nowhere'"),
        "slow": ("failed", "it took longer than 1 s"),
    }
    if kind == "absent":
        assert verdict.state == "skipped"
        assert image_name in verdict.reason
    else:
        assert (verdict.state, verdict.reason) == expected[kind], verdict.output
        assert containers(docker_classic, image_name) == []
        asking(docker_classic)("DELETE", f"/images/{image_name}", None)


def test_a_docker_that_does_not_answer(store: ContentStore) -> None:
    def ask(method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        raise ConnectionRefusedError(111, "Connection refused")

    assert str(verify(request(), store, [Docker(ask, "shop:latest")])) == (
        "skipped: docker: [Errno 111] Connection refused"
    )


@pytest.mark.parametrize(("failures", "state"), [(0, "passed"), (2, "passed"), (3, "skipped")])
def test_a_container_that_runc_could_not_set_up_is_started_again(
    failures: int, state: str, store: ContentStore
) -> None:
    said = b'{"message": "OCI runtime create failed: container_linux.go: waiting for init preliminary setup: EOF"}'
    starts = [(500, said)] * failures + [(204, b"")]
    answers = {
        "/containers/create": (201, b'{"Id": "c"}'),
        "/containers/c/json": (200, b'{"State": {"Status": "exited", "ExitCode": 0}}'),
        "/containers/c/logs": (200, b""),
        "/containers/c": (204, b""),
    }

    def ask(method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        path = path.partition("?")[0]
        return starts.pop(0) if path.endswith("/start") else answers[path]

    assert verify(request(), store, [Docker(ask, "shop:latest")]).state == state


@pytest.mark.parametrize("at", ["start", "run"])
def test_a_docker_without_an_emulator(at: str, store: ContentStore) -> None:
    """What daemons of both generations answer for an image of another architecture."""
    said = b"exec /opt/venv/bin/python: exec format error\n"
    frame = b"\x02\0\0\0" + len(said).to_bytes(4, "big") + said
    answers = {
        "/containers/create": (201, b'{"Id": "c"}'),
        "/containers/c/start": (204, b"") if at == "run" else (400, json.dumps({"message": said.decode()}).encode()),
        "/containers/c/json": (200, b'{"State": {"Status": "exited", "ExitCode": 255}}'),
        "/containers/c/logs": (200, frame),
        "/containers/c": (204, b""),
    }
    asked = []

    def ask(method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        asked.append(f"{method} {path}")
        return answers[path.partition("?")[0]]

    verdict = verify(request(), store, [Docker(ask, "shop:latest")])
    assert verdict.state == "skipped"
    assert "cannot run" in verdict.reason
    assert asked[-1] == "DELETE /containers/c?force=1&v=1"


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """podman with a store of its own, and with what a container needs where cgroups are not free."""
    if shutil.which("podman") is None:
        pytest.fail("podman is needed") if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1" else pytest.skip("podman")
    monkeypatch.setenv(FLAGS, os.environ.get(FLAGS) or "--runtime runc --ulimit nofile=1024:1024 --ulimit nproc=1024")
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:  # its paths have to be short
        settings = Path(folder) / "storage.conf"
        settings.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/g"\nrunroot = "{folder}/r"\n')
        monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(settings))
        yield lambda *words: subprocess.run(["podman", *words], capture_output=True, check=True, text=True).stdout


@pytest.mark.podman
@pytest.mark.parametrize("form", ["docker-archive", "oci"])
def test_in_podman(
    form: str, host_root: HostRoot, store: ContentStore, tmp_path: Path, podman: Callable[..., str]
) -> None:
    from depsfirst.oci.reference import parse_reference
    from depsfirst.oci.store import copy
    from depsfirst.oci.stores.archive import Archive
    from depsfirst.oci.stores.layout import Layout

    inside = INSIDE.format(home="/opt/site", uid=65532, gid=65532, groups="os.getgroups()", outside="/nowhere")
    asked = in_image(host_root, {"shop.py": inside, "broken.py": "import nowhere"})
    place = tmp_path / "image"
    copy(asked.image, Layout(place) if form == "oci" else Archive(place, parse_reference("depsfirst-test:podman")))
    runner = Podman(f"{form}:{place}")
    verdict = verify(asked, store, [runner])
    assert verdict.state == "passed", f"{verdict.reason}\n{verdict.output}"
    assert podman("images", "-aq") == ""
    podman("pull", "--quiet", f"{form}:{place}")
    kept = podman("images", "-aq")
    verdict = verify(asked._replace(modules=("broken",)), store, [runner])
    assert verdict.reason == "ModuleNotFoundError: No module named 'nowhere'"
    assert podman("images", "-aq") == kept
    assert podman("ps", "-aq") == ""


@pytest.mark.podman
def test_what_hangs_in_podman_is_stopped(
    host_root: HostRoot, store: ContentStore, tmp_path: Path, podman: Callable[..., str]
) -> None:
    from depsfirst.oci.store import copy
    from depsfirst.oci.stores.layout import Layout

    asked = in_image(host_root, {"shop.py": HANGS})
    copy(asked.image, Layout(tmp_path / "image"))
    runner = Podman(f"oci:{tmp_path}/image")
    assert stopped(asked, lambda asked: verify(asked, store, [runner]), 5).output == "waiting"
    assert podman("ps", "-aq") == ""
    assert podman("images", "-aq") == ""


def test_podman_that_is_not_there(store: ContentStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(verify(request(), store, [Podman("oci:image")])) == "skipped: podman: it is not installed"
