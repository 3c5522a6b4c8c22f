from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.debian.mirror import VARIABLE, find_mirror
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from pathlib import Path

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://one.example/debian/
# another
Suites: trixie trixie-updates
Components: main
  contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path / "apt"


def found(apt: Path, suite: str = "trixie") -> tuple[str, str | None]:
    mirror = find_mirror(suite, apt=apt)
    return mirror.main, mirror.security


def test_stanzas_of_apt(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    mirror = find_mirror("trixie", apt=apt)
    assert (mirror.main, mirror.security) == ("http://one.example/debian", "http://security.example/debian-security")
    assert mirror.check_valid_until
    assert mirror.origin.endswith("debian.sources")


def test_lines_of_apt(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# deb http://off.example/debian trixie main\n"
        "deb-src http://source.example/debian trixie main\n"
        "deb [ arch=amd64 Check-Valid-Until=no ] http://one.example/debian trixie main contrib  # here\n"
        "deb http://two.example/debian-security trixie-security main\n"
    )
    mirror = find_mirror("trixie", apt=apt)
    assert (mirror.main, mirror.security) == ("http://one.example/debian", "http://two.example/debian-security")
    assert not mirror.check_valid_until
    assert mirror.origin.endswith("sources.list:3")


def test_the_machine_may_be_of_another_suite(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert found(apt, "bookworm") == ("http://one.example/debian", "http://security.example/debian-security")


def test_the_source_for_the_suite_is_better(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "deb http://one.example/debian bookworm main\ndeb http://two.example/debian trixie main\n"
    )
    assert found(apt)[0] == "http://two.example/debian"
    assert found(apt, "bookworm")[0] == "http://one.example/debian"


def test_others_are_no_mirrors_of_debian(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "deb http://packages.example/linux/debian trixie stable\n"  # no component main
        "deb http://ubuntu.example/ubuntu noble main\n"
        "deb http://node.example/node nodistro main\n"
        "deb cdrom:[Debian]/ trixie main\n"
        "deb tor+http://onion.example/debian trixie main\n"
    )
    with pytest.raises(DepsfirstError, match="no mirror is known") as caught:
        find_mirror("trixie", apt=apt)
    assert VARIABLE in (caught.value.hint or "")


def test_what_is_switched_off_does_not_count(apt: Path) -> None:
    path = apt / "sources.list.d" / "debian.sources"
    path.write_text("Enabled: no\n" + DEB822.partition("\n\n")[0])
    (apt / "sources.list.d" / "other.list.disabled").write_text("deb http://one.example/debian trixie main\n")
    with pytest.raises(DepsfirstError, match="no mirror"):
        find_mirror("trixie", apt=apt)


def test_a_list_of_mirrors_is_read(apt: Path, tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text("# comment\nhttps://one.example/debian\tpriority:1\nhttps://two.example/debian\n")
    (apt / "sources.list").write_text(
        f"deb mirror+file://{tmp_path}/mirrors trixie main\ndeb mirror+file:{tmp_path}/gone trixie main\n"
    )
    assert found(apt)[0] == "https://one.example/debian"


def test_no_apt_at_all(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="no mirror is known"):
        find_mirror("trixie", apt=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("setting", "main", "security"),
    [
        ("https://a.example/debian/", "https://a.example/debian", "https://a.example/debian-security"),
        ("https://a.example/debian/2026/", "https://a.example/debian/2026", "https://a.example/debian-security/2026"),
        ("https://a.example/debiandata", "https://a.example/debiandata", None),
        ("https://a.example/x https://b.example/y/", "https://a.example/x", "https://b.example/y"),
        ("file:///srv/debian", "file:///srv/debian", "file:///srv/debian-security"),
    ],
)
def test_the_setting_of_the_user(apt: Path, setting: str, main: str, security: str | None) -> None:
    mirror = find_mirror("trixie", setting, apt=apt)
    assert (mirror.main, mirror.security) == (main, security)


def test_the_setting_wins_over_the_environment_over_apt(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    monkeypatch.setenv(VARIABLE, "[check-valid-until=no] https://env.example/debian")
    mirror = find_mirror("trixie", apt=apt)
    assert (mirror.main, mirror.check_valid_until, mirror.origin) == ("https://env.example/debian", False, VARIABLE)
    assert find_mirror("trixie", "https://set.example/debian", apt=apt).main == "https://set.example/debian"


@pytest.mark.parametrize(
    "setting", ["a.example/debian", "ftp://a.example/debian", "https://a https://b https://c", "[a"]
)
def test_a_setting_that_is_no_mirror_is_refused(setting: str) -> None:
    with pytest.raises(DepsfirstError, match="no Debian mirror"):
        find_mirror("trixie", setting)
