from __future__ import annotations

import pytest

from depsfirst.debian.scripts import Alternative, best_alternatives, read_scripts

MAWK = r"""#!/bin/sh
set -e
# Automatically added by dh_installalternatives/13.24.1
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || [ "$1" = "abort-remove" ]; then
        update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \
            --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \
            --slave /usr/bin/nawk nawk /usr/bin/mawk
fi
# End automatically added section
"""


def test_alternatives_are_read() -> None:
    script = read_scripts({"postinst": MAWK.encode()})
    assert script.undone == ""
    assert script.alternatives == (
        Alternative(
            "/usr/bin/awk",
            "awk",
            "/usr/bin/mawk",
            5,
            (
                ("/usr/share/man/man1/awk.1.gz", "awk.1.gz", "/usr/share/man/man1/mawk.1.gz"),
                ("/usr/bin/nawk", "nawk", "/usr/bin/mawk"),
            ),
        ),
    )


@pytest.mark.parametrize(
    "line",
    [
        "update-alternatives --install /usr/bin/$name $name /opt/x 1",
        "update-alternatives --install /usr/bin/a a",
        "update-alternatives --install /usr/bin/a a /opt/x high",
        "update-alternatives --install '/usr/bin/a a /opt/x 1",
        "update-alternatives --remove a /opt/x",
    ],
)
def test_what_is_not_literal_stays_undone(line: str) -> None:
    script = read_scripts({"postinst": f"#!/bin/sh\n{line}\n".encode()})
    assert script.alternatives == ()
    assert script.undone == "its postinst was not run, which would call update-alternatives"


def test_a_loop_over_words_is_gone_through() -> None:
    text = """
    for prog in compare convert ; do
        if dpkg --compare-versions "$2" lt 8; then
            echo "$program"
        fi
        update-alternatives --install /usr/bin/$prog \\
            $prog /usr/bin/${prog}-im7 100
        update-alternatives --install /usr/bin/x x ${prog%x} 1
    done
    update-alternatives --install /usr/bin/$prog y /y 1
    """
    script = read_scripts({"postinst": text.encode()})
    assert script.alternatives == (
        Alternative("/usr/bin/compare", "compare", "/usr/bin/compare-im7", 100),
        Alternative("/usr/bin/convert", "convert", "/usr/bin/convert-im7", 100),
    )
    assert script.undone


def test_the_best_alternative_wins() -> None:
    low, high, equal = (Alternative("/l", "n", f"/{name}", rank) for name, rank in (("a", 1), ("b", 9), ("c", 9)))
    other = Alternative("/k", "m", "/d", 1)
    assert best_alternatives([low, high, equal, other]) == (other, high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#!/bin/sh\nset -e\nexit 0\n",
        'set -e\ncase "$1" in\n  configure)\n  ;;\n  abort-upgrade|abort-remove)\n  ;;\nesac\n',
        "if command -v py3compile >/dev/null 2>&1; then\n\tpy3compile -p python3-x \nfi\n",
        'if [ "$1" = "configure" ]\nthen\n  ldconfig\nfi\n',
    ],
)
def test_harmless_scripts_need_no_word(text: str) -> None:
    assert read_scripts({"postinst": text.encode()}).undone == ""


@pytest.mark.parametrize(
    ("scripts", "words"),
    [
        (
            {"postinst": "adduser --system x\nchown x /var/lib/x\n"},
            "its postinst was not run, which would call adduser, chown",
        ),
        ({"postinst": "/usr/lib/x/setup\n"}, "its postinst was not run"),
        (
            {"postinst": "if ! getent group x; then addgroup x; fi\n"},
            "its postinst was not run, which would call addgroup",
        ),
        (
            {"preinst": "useradd x\n", "postinst": "foo\n"},
            "its preinst and postinst were not run, which would call useradd",
        ),
        ({"preinst": 'if [ "$1" = upgrade ]; then\n rm -f /etc/x\nfi\n'}, ""),
    ],
)
def test_what_is_left_is_said(scripts: dict[str, str], words: str) -> None:
    assert read_scripts({name: text.encode() for name, text in scripts.items()}).undone == words
