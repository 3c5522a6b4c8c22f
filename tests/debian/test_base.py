from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING

import pytest
from pysequoia import Tsk
from tests.debian.conftest import DATE, Deb, File, make_library, python_packages

from depsfirst.content import ContentStore
from depsfirst.debian import base as subject
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import MismatchError, NotFoundError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.debian.conftest import Archive, Builder, Mirror

    from depsfirst.debian.model import DebianBase


def listing(base: DebianBase) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(base.layer.open().read()), mode="r:") as tar:
        return {info.name: info for info in tar}


def content(base: DebianBase, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(base.layer.open().read()), mode="r:") as tar:
        found = tar.extractfile(path)
        assert found is not None
        return found.read()


def names(base: DebianBase) -> list[str]:
    return [package.name for package in base.packages]


def damaged(_: bytes) -> tuple[int, bytes]:
    return 200, b"evil" * 10


def down(_: bytes) -> tuple[int, bytes]:
    return 503, b""


def test_a_base_is_the_closure_of_its_roots(build: Builder) -> None:
    base = build()
    assert base.suite == "trixie"
    assert names(base) == sorted(deb.name for deb in python_packages())
    assert (base.python, base.libc) == ((3, 13, 5), (2, 41))
    assert dict(base.left_out).keys() == {"awk", "debconf", "dpkg"}
    assert not base.layer.reused


def test_the_layer_is_what_its_descriptor_says(build: Builder) -> None:
    layer = build().layer
    data = layer.open().read()
    assert layer.diff_id == layer.blob.descriptor.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert layer.blob.descriptor.size == len(data)


def test_the_tree_is_a_system_with_merged_usr(build: Builder) -> None:
    found = listing(build())
    assert found["lib"].linkname == "usr/lib"
    assert found["usr/lib/x86_64-linux-gnu/libc.so.6"].mode == 0o755
    assert found["var/lock"].linkname == "/run/lock"
    assert found["tmp"].mode == found["run/lock"].mode == 0o1777
    assert found["root"].mode == 0o700
    assert found["home/app"].uid == found["home/app"].gid == 65532
    assert found["usr/bin/python3"].linkname == "python3.13"
    assert "usr/local/lib/python3.13/dist-packages" in found
    assert found["etc/localtime"].linkname == "/usr/share/zoneinfo/Etc/UTC"
    assert {info.mtime for info in found.values()} == {315532800}


def test_every_directory_comes_before_what_is_in_it(build: Builder) -> None:
    seen: set[str] = set()
    for name in listing(build()):
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen
        seen.add(name)


def test_documentation_is_trimmed_and_licences_stay(build: Builder) -> None:
    found = listing(build())
    assert "usr/share/doc/libc6/copyright" in found
    assert "usr/share/doc/libc6/changelog.gz" not in found
    assert not any(name.startswith("usr/share/locale") for name in found)


def test_what_maintainer_scripts_would_make_is_made(build: Builder) -> None:
    base = build()
    assert content(base, "etc/ssl/certs/ca-certificates.crt") == b"one\ntwo\n"
    assert content(base, "etc/ca-certificates.conf") == b"mozilla/A.crt\nmozilla/B.crt\n"
    assert content(base, "etc/nsswitch.conf") == b"hosts: files dns\n"
    assert b"app:x:65532:65532:app:/home/app:" in content(base, "etc/passwd")
    assert b"nogroup:x:65534:\n" in content(base, "etc/group")
    assert b"localhost" in content(base, "etc/hosts")


def test_scanners_find_the_packages(build: Builder) -> None:
    base = build()
    status = content(base, "var/lib/dpkg/status.d/libc6").decode()
    assert status.startswith("Package: libc6\nVersion: 2.41-12\n")
    assert status.endswith("Status: install ok installed\n")
    sums = content(base, "var/lib/dpkg/status.d/libc6.md5sums").decode().split("\n")
    paths = [line.partition("  ")[2] for line in sums if line]
    assert paths == sorted(paths, key=lambda path: sums[paths.index(path)])
    assert set(paths) == {
        "etc/ld.so.conf.d/x86_64-linux-gnu.conf",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
        "usr/share/doc/libc6/copyright",
    }


def test_the_linker_cache_names_the_libraries(build: Builder) -> None:
    cache = content(build(), "etc/ld.so.cache")
    assert cache.startswith(b"glibc-ld.so.cache1.1")
    assert b"libc.so.6\0/lib/x86_64-linux-gnu/libc.so.6\0" in cache
    assert listing(build())["usr/lib/x86_64-linux-gnu/libstdc++.so.6"].linkname == "libstdc++.so.6.0.33"


def test_sizes_count_what_stays(build: Builder) -> None:
    sizes = {package.name: package.size for package in build().packages}
    assert sizes["ca-certificates"] == len(b"one\ntwo")
    assert sizes["libc6"] == len(make_library("libc.so.6")) + len("/lib/x\n/usr/lib/x\n") + 2 * 15 + len("free")


def test_the_format_has_not_changed(build: Builder) -> None:
    """If this fails on purpose, raise ``FORMAT``: the caches of users hold layers of the same key."""
    known = {1: "sha256:739c4da3a2aeeb2dbcb9e0577f27f8961c5a05e155ef356442ad572846f3ceed"}
    assert build().layer.diff_id == known[subject.FORMAT]


def test_a_second_build_asks_nobody(build: Builder, mirror: Mirror) -> None:
    first = build()
    asked = len(mirror.asked)
    second = build()
    assert len(mirror.asked) == asked
    assert second.layer.reused
    assert second.layer.diff_id == first.layer.diff_id
    assert (second.packages, second.notes, second.python) == (first.packages, first.notes, first.python)


def test_a_warm_build_imports_nothing_heavy(build: Builder, mirror: Mirror, keyring: Path) -> None:
    build()
    program = f"""
import sys
from pathlib import Path
from depsfirst.content import ContentStore
from depsfirst.debian.base import build_base
from depsfirst.fetch import Fetcher
base = build_base("trixie", platform="linux/amd64", store=ContentStore(Path({str(build.store.root)!r})),
                  fetcher=Fetcher(), mirror={mirror.url!r}, keyring=Path({str(keyring)!r}))
assert base.layer.reused
heavy = {{"lzma", "pysequoia", "tarfile", "sqlite3", "zstandard", "urllib3", "ssl", "difflib", "concurrent"}}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.split() == []


def test_two_machines_make_the_same_layer(build: Builder, tmp_path: Path) -> None:
    first = build().layer.diff_id
    before = os.umask(0o077)
    try:
        second = build(store=ContentStore(tmp_path / "other place")).layer.diff_id
    finally:
        os.umask(before)
    assert first == second


def test_the_mirror_is_asked_again_after_a_day(
    build: Builder, mirror: Mirror, archive: Archive, tomorrow: Callable[[], None]
) -> None:
    first = build()
    archive.publish("trixie", [*python_packages()[:-1], Deb("tzdata", "2026d")], date=DATE + 60)
    assert build().layer.diff_id == first.layer.diff_id
    tomorrow()
    second = build()
    assert ("tzdata", "2026d") in [(package.name, package.version) for package in second.packages]
    assert second.layer.diff_id != first.layer.diff_id


def test_a_refresh_asks_at_once(build: Builder, mirror: Mirror, archive: Archive) -> None:
    build()
    archive.publish("trixie", [*python_packages()[:-1], Deb("tzdata", "2026d")], date=DATE + 60)
    assert {package.name: package.version for package in build(refresh=True).packages}["tzdata"] == "2026d"


def test_what_did_not_change_is_not_fetched_again(build: Builder, mirror: Mirror, tomorrow: Callable[[], None]) -> None:
    build()
    mirror.asked.clear()
    tomorrow()
    assert build().layer.reused
    assert [path.rpartition("/")[2] for path in mirror.asked] == ["InRelease"] * 3


def test_an_older_release_does_not_take_the_place_of_a_newer_one(
    build: Builder, archive: Archive, tomorrow: Callable[[], None]
) -> None:
    archive.publish("trixie", [*python_packages()[:-1], Deb("tzdata", "2026d")], date=DATE + 60)
    first = build()
    archive.publish("trixie", python_packages(), date=DATE)
    tomorrow()
    assert build().packages == first.packages


def test_security_updates_and_updates_win(build: Builder, archive: Archive, mirror: Mirror) -> None:
    archive.publish("trixie-updates", [Deb("tzdata", "2026d")])
    archive.publish("trixie-security", [Deb("openssl", "3.5+deb13u1")], folder="debian-security",
                    fields={"Components": "updates/main", "Codename": "trixie-security"})  # fmt: skip
    base = build()
    versions = {package.name: package.version for package in base.packages}
    assert (versions["tzdata"], versions["openssl"]) == ("2026d", "3.5+deb13u1")
    assert base.notes == ()
    assert any(path.startswith("debian-security/pool/") for path in mirror.asked)


def test_absent_updates_are_said(build: Builder) -> None:
    notes = build().notes
    assert len(notes) == 2
    assert '"trixie-security" is left out' in notes[0]
    assert '"trixie-updates" is left out' in notes[1]


def test_no_archive_of_security_updates_is_said(build: Builder, archive: Archive, mirror: Mirror) -> None:
    archive.publish("trixie", python_packages(), folder="elsewhere")
    notes = build(mirror=mirror.url.replace("/debian", "/elsewhere")).notes
    assert "no archive of security updates is known" in notes[0]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ""])
def test_every_compression_is_read(build: Builder, archive: Archive, suffix: str) -> None:
    xz = build().layer.diff_id
    debs = python_packages()
    for deb in debs:
        deb.suffix = suffix
    archive.publish("trixie", debs, suffix=suffix, date=DATE + 1)
    other = build(refresh=True)
    assert other.layer.diff_id == xz


def test_a_mirror_without_by_hash_serves(build: Builder, archive: Archive, mirror: Mirror) -> None:
    archive.publish("trixie", python_packages(), by_hash=False)
    build()
    assert "debian/dists/trixie/main/binary-amd64/Packages.xz" in mirror.asked


def test_a_mirror_that_lost_its_hashes_serves(build: Builder, archive: Archive, mirror: Mirror) -> None:
    for path in [path for path in archive.files if "/by-hash/" in path]:
        del archive.files[path]
    build()
    assert "debian/dists/trixie/main/binary-amd64/Packages.xz" in mirror.asked


def test_the_other_architecture_is_built_likewise(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", python_packages("arm64"), architecture="arm64")
    base = build(platform="linux/arm64")
    assert b"/lib/aarch64-linux-gnu/libc.so.6" in content(base, "etc/ld.so.cache")


def test_packages_that_are_asked_for_are_added(build: Builder, archive: Archive) -> None:
    extra = Deb("libpq5", files=(File("./usr/lib/libpq.so.5", b"x"),), fields={"Depends": "libldap2"})
    archive.publish("trixie", [*python_packages(), extra, Deb("libldap2")])
    base = build("trixie", "libpq5")
    assert {"libpq5", "libldap2"} <= set(names(base))
    assert "usr/lib/libpq.so.5" in listing(base)


def test_what_was_not_run_is_said(build: Builder, archive: Archive) -> None:
    scripts = {"postinst": "#!/bin/sh\nset -e\nadduser --system messagebus\n"}
    archive.publish("trixie", [*python_packages(), Deb("dbus", scripts=scripts)])
    base = build("trixie", "dbus")
    assert {package.name: package.note for package in base.packages if package.note} == {
        "dbus": "its postinst was not run, which would call adduser"
    }
    assert base.notes[-1].endswith("dbus")


def test_alternatives_are_linked(build: Builder, archive: Archive) -> None:
    def blas(name: str, priority: int) -> Deb:
        path = f"/usr/lib/{name}/libblas.so.3"
        script = (
            f"#!/bin/sh\nset -e\nupdate-alternatives --install /usr/lib/libblas.so.3 \\\n libblas {path} {priority}\n"
        )
        return Deb(name, files=(File(f".{path}", b"x"),), scripts={"postinst": script})

    archive.publish("trixie", [*python_packages(), blas("libblas3", 10), blas("libopenblas0", 100)])
    base = build("trixie", "libblas3", "libopenblas0")
    found = listing(base)
    assert found["usr/lib/libblas.so.3"].linkname == "/etc/alternatives/libblas"
    assert found["etc/alternatives/libblas"].linkname == "/usr/lib/libopenblas0/libblas.so.3"
    assert not any(package.note for package in base.packages)


def test_modes_owners_and_links_are_kept(build: Builder, archive: Archive) -> None:
    files = (
        File("./usr/bin/zebra", b"same", 0o4755, owner=(42, "shadow")),
        File("./usr/bin/ant", link="./usr/bin/zebra", hard=True),
        File("./usr/bin/link", link="zebra"),
        File("./var/lib/extra/", mode=0o2770, owner=(42, "shadow")),
    )
    archive.publish("trixie", [*python_packages(), Deb("extra", files=files)])
    base = build("trixie", "extra")
    found = listing(base)
    assert found["usr/bin/ant"].isreg()  # the first in order is the file
    assert found["usr/bin/zebra"].islnk()
    assert found["usr/bin/zebra"].linkname == "usr/bin/ant"
    assert (found["usr/bin/ant"].mode, found["usr/bin/ant"].uid) == (0o4755, 42)
    assert found["usr/bin/link"].linkname == "zebra"
    assert found["var/lib/extra"].mode == 0o2770
    assert b"shadow:x:42:\n" in content(base, "etc/group")
    assert b"shadow:x:42:42:" in content(base, "etc/passwd")
    assert {package.name: package.size for package in base.packages}["extra"] == 4


def test_a_tampered_index_is_refused(build: Builder, mirror: Mirror) -> None:
    mirror.faults["Packages"] = mirror.faults["by-hash"] = damaged
    with pytest.raises(MismatchError, match="bytes"):
        build()
    assert build.store.usage().get("debian-indexes") is None


def test_a_tampered_package_is_refused(build: Builder, mirror: Mirror) -> None:
    mirror.faults["libc6_"] = lambda data: (200, data[:-1] + b"!")
    with pytest.raises(MismatchError, match=r"libc6_2\.41-12_amd64\.deb"):
        build()
    mirror.faults.clear()
    assert "libc6" in names(build())


def test_a_release_signed_by_another_key_is_refused(build: Builder, archive: Archive) -> None:
    archive.key = Tsk.generate("Mallory <m@evil.example>")
    archive.publish("trixie", python_packages())
    with pytest.raises(DepsfirstError, match="signature of the release cannot be verified") as caught:
        build()
    assert "/dists/trixie/InRelease" in (caught.value.where or "")
    assert "Stack backtrace" not in str(caught.value)
    assert "keyring" in (caught.value.hint or "")


def test_a_tampered_release_is_refused(build: Builder, mirror: Mirror) -> None:
    mirror.faults["InRelease"] = lambda data: (200 if data else 404, data.replace(b"amd64", b"arm64"))
    with pytest.raises(DepsfirstError, match="signature"):
        build()


def test_text_around_the_signed_one_does_not_count(build: Builder, archive: Archive) -> None:
    path = "debian/dists/trixie/InRelease"
    archive.files[path] += b"\nComponents: evil\n"
    assert build().suite == "trixie"
    archive.files[path] = b"Components: evil\n" + archive.files[path]
    with pytest.raises(DepsfirstError, match="no signed release"):
        build(refresh=True)


def test_an_expired_release_is_refused(build: Builder, archive: Archive, mirror: Mirror) -> None:
    archive.publish("trixie", python_packages(), valid_until=time.time() - 3600)
    with pytest.raises(DepsfirstError, match="expired") as caught:
        build()
    assert "clock" in (caught.value.hint or "")
    assert build(mirror=f"[check-valid-until=no] {mirror.url}").suite == "trixie"


def test_a_release_that_expires_later_is_fine(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", python_packages(), valid_until=time.time() + 3600)
    assert build().suite == "trixie"


def test_a_release_of_another_suite_is_refused(build: Builder, archive: Archive) -> None:
    archive.publish("bookworm", python_packages())
    archive.files["debian/dists/trixie/InRelease"] = archive.files["debian/dists/bookworm/InRelease"]
    with pytest.raises(DepsfirstError, match='"bookworm", and not of "trixie"'):
        build()


def test_weak_hashes_do_not_count(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", python_packages(), fields={"MD5Sum": "\n 0 1 main/binary-amd64/Packages"})
    signed = archive.files["debian/dists/trixie/InRelease"].decode()
    text = signed[signed.index("Suite:") : signed.index("SHA256:")]
    archive.sign("debian/dists/trixie/InRelease", text)
    with pytest.raises(DepsfirstError, match="no SHA256"):
        build()


def test_a_missing_architecture_is_refused(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", python_packages(), architectures="all amd64 s390x")
    with pytest.raises(DepsfirstError, match='no architecture "arm64"') as caught:
        build(platform="linux/arm64")
    assert "s390x" in (caught.value.hint or "")


def test_an_architecture_without_index_is_refused(build: Builder) -> None:
    with pytest.raises(DepsfirstError, match="no package index for arm64"):
        build(platform="linux/arm64")


def test_a_missing_component_is_refused(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", python_packages(), fields={"Components": "contrib"})
    with pytest.raises(DepsfirstError, match='no component "main"'):
        build()


def test_an_unknown_suite_is_refused(build: Builder) -> None:
    with pytest.raises(DepsfirstError, match='no suite "trixy"'):
        build("trixy")
    with pytest.raises(DepsfirstError, match="no name of a Debian suite"):
        build("../etc")


def test_an_unknown_platform_is_refused(build: Builder) -> None:
    with pytest.raises(DepsfirstError, match='platform "windows/amd64"') as caught:
        build(platform="windows/amd64")
    assert "linux/arm64" in (caught.value.hint or "")


def test_an_unknown_package_is_refused_with_close_names(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", [*python_packages(), Deb("libgomp1")])
    with pytest.raises(DepsfirstError, match='no Debian package "libgomp"') as caught:
        build("trixie", "libgomp")
    assert "libgomp1" in (caught.value.hint or "")


def test_a_truncated_download_is_given_up(build: Builder, mirror: Mirror) -> None:
    mirror.cut["netbase_"] = 100
    with pytest.raises(UnreachableError, match="netbase"):
        build()
    mirror.cut.clear()
    assert build().suite == "trixie"


def test_two_packages_with_the_same_file_are_refused(build: Builder, archive: Archive) -> None:
    debs = [Deb(name, files=(File("./usr/bin/tool", name.encode()),)) for name in ("one", "two")]
    archive.publish("trixie", [*python_packages(), *debs])
    with pytest.raises(DepsfirstError, match='"/usr/bin/tool" of the package "two" is in the package "one"'):
        build("trixie", "one", "two")


def test_a_hostile_package_is_refused(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", [*python_packages(), Deb("evil", files=(File("./../../etc/shadow", b"x"),))])
    with pytest.raises(DepsfirstError, match="leaves the root"):
        build("trixie", "evil")
    assert not list((build.store.root / "tmp").iterdir())


def test_a_mirror_that_is_down_is_named(build: Builder, mirror: Mirror) -> None:
    mirror.faults[""] = down
    with pytest.raises(UnreachableError, match="503"):
        build()


def test_a_mirror_that_is_down_does_no_harm_when_all_is_cached(
    build: Builder, mirror: Mirror, tomorrow: Callable[[], None]
) -> None:
    first = build()
    mirror.faults[""] = down
    tomorrow()
    base = build()
    assert base.layer.diff_id == first.layer.diff_id
    assert "when it was last asked" in base.notes[-1]
    asked = len(mirror.asked)
    assert build().notes == base.notes
    assert len(mirror.asked) == asked  # it is left alone for a while
    with pytest.raises(UnreachableError):
        build(refresh=True)


def test_a_lost_layer_is_made_again_from_cached_packages(build: Builder, mirror: Mirror) -> None:
    first = build()
    for path in (build.store.root / "bases").glob("*/*"):
        path.unlink()
    mirror.faults[""] = down
    second = build()
    assert second.layer.diff_id == first.layer.diff_id
    assert not second.layer.reused


def test_a_suite_without_python_is_refused(build: Builder, archive: Archive) -> None:
    archive.publish("trixie", [deb for deb in python_packages() if deb.name != "python3"])
    with pytest.raises(DepsfirstError, match='no Debian package "python3"'):
        build()


def test_a_python_without_version_is_refused(build: Builder, archive: Archive) -> None:
    debs = [deb for deb in python_packages() if deb.name not in {"python3", "python3-minimal"}]
    archive.publish("trixie", [*debs, Deb("python3", files=(File("./usr/bin/python3", b"x"),))])
    with pytest.raises(DepsfirstError, match='no package "python3-minimal"'):
        build()


def test_a_python_that_is_not_there_is_refused(build: Builder, archive: Archive) -> None:
    debs = python_packages()
    minimal = next(deb for deb in debs if deb.name == "python3-minimal")
    minimal.files = ()
    archive.publish("trixie", debs)
    with pytest.raises(DepsfirstError, match='no "/usr/bin/python3"'):
        build()


def test_an_index_that_is_gone_is_named(build: Builder, archive: Archive) -> None:
    for path in [path for path in archive.files if "binary-amd64" in path]:
        del archive.files[path]
    with pytest.raises(NotFoundError, match=r"main/binary-amd64/Packages\.xz"):
        build()


def test_a_package_that_is_gone_is_named(build: Builder, archive: Archive) -> None:
    del archive.files["debian/pool/main/tzdata_2026c_amd64.deb"]
    with pytest.raises(DepsfirstError, match='the mirror lacks "tzdata" 2026c') as caught:
        build()
    assert "update" in (caught.value.hint or "")


def test_a_server_that_refuses_updates_lacks_them(build: Builder, mirror: Mirror) -> None:
    mirror.faults["trixie-updates"] = lambda _: (403, b"")
    assert '"trixie-updates" is left out' in build().notes[1]
    mirror.faults["trixie-updates"] = down
    with pytest.raises(UnreachableError, match="trixie-updates"):
        build(refresh=True)


def test_an_unreadable_keyring_is_named(build: Builder, tmp_path: Path) -> None:
    build.keyring = tmp_path / "nowhere.gpg"
    with pytest.raises(DepsfirstError, match=r"nowhere\.gpg: the keyring cannot be read"):
        build()
    build.keyring.write_bytes(b"nonsense")
    with pytest.raises(DepsfirstError, match="no OpenPGP keyring"):
        build()
