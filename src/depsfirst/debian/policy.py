"""What goes into the base and what stays out: tables, with a reason for each exception."""

from __future__ import annotations

from depsfirst.debian.closure import ANY

ROOTS = (
    "base-files",  # the directories, /etc/os-release, the common licences
    "ca-certificates",  # trust in HTTPS servers
    "libc-bin",  # the locale C.UTF-8, nsswitch.conf, and ldconfig, which ctypes.util asks
    "libgcc-s1",  # wheels with compiled code
    "libstdc++6",  # the same
    "media-types",  # the module mimetypes
    "ncurses-base",  # terminals, for the modules curses and readline
    "netbase",  # names of services and protocols, for the module socket
    "openssl",  # configuration and default paths of libssl
    "python3",
    "tzdata",  # the module zoneinfo
)
"""Packages that every base has, with all they depend on."""

_SCRIPTS_ONLY = "only maintainer scripts use it, and none is run"
NEEDLESS = {
    (ANY, "adduser"): _SCRIPTS_ONLY,
    (ANY, "debconf"): _SCRIPTS_ONLY,
    (ANY, "debianutils"): _SCRIPTS_ONLY,
    (ANY, "dpkg"): "packages are unpacked without it, and none is installed later",
    (ANY, "init-system-helpers"): "a container has no init system",
    (ANY, "install-info"): "there are no info pages",
    (ANY, "lsb-base"): "a container has no init scripts",
    (ANY, "sysvinit-utils"): "a container has no init scripts",
    (ANY, "ucf"): _SCRIPTS_ONLY,
    (ANY, "update-inetd"): _SCRIPTS_ONLY,
    ("base-files", "awk"): _SCRIPTS_ONLY,
}
"""Dependencies that are not followed, by package and dependency: the reason."""

TRIMMED = (
    "usr/share/applications/",  # menus of desktops
    "usr/share/bash-completion/",  # completion in shells
    "usr/share/bug/",  # scripts of reportbug
    "usr/share/doc-base/",  # an index of the documentation
    "usr/share/doc/",  # documentation; see KEPT
    "usr/share/fish/",  # completion in shells
    "usr/lib/valgrind/",  # debuggers
    "usr/share/gcc/",  # debuggers
    "usr/share/gdb/",  # debuggers
    "usr/share/info/",  # documentation
    "usr/share/lintian/",  # checks of the packages themselves
    "usr/share/locale/",  # translations of messages
    "usr/share/man/",  # documentation
    "usr/share/menu/",  # menus of desktops
    "usr/share/pixmaps/",  # icons of menus
    "usr/share/zsh/",  # completion in shells
)
"""Folders whose content stays out; the folders themselves do, too."""

SETTLED = {
    "base-files": "its directories are made",
    "ca-certificates": "its bundle is written",
    "libc-bin": "its configuration is copied and the linker's cache written",
    "libgssapi-krb5-2": "it only mends an old layout",
    "libreadline8t64": "it only helps older systems to merge /usr",
    "libc6": "it only restarts services on an upgrade",
    "netbase": "its files are written",
    "openssl": "it only mends an old layout",
    "readline-common": "its configuration is copied",
    "tzdata": "the time zone is UTC",
    r"(lib)?python3(\.\d+)?(-minimal|-stdlib)?": "they compile modules to byte code, which the image does without",
}
"""Packages whose maintainer scripts are answered for, as patterns: by what."""

DIRECTORIES = (
    "etc/opt", "media", "mnt", "opt", "srv", "usr/local/bin", "usr/local/etc", "usr/local/games",
    "usr/local/include", "usr/local/lib", "usr/local/libexec", "usr/local/sbin", "usr/local/share",
    "usr/local/share/ca-certificates", "usr/local/src", "var/opt",
)  # fmt: skip
"""Directories that base-files and ca-certificates make when they are installed."""

CONFIGURATION = (
    ("usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"),
    ("usr/share/readline/inputrc", "etc/inputrc"),
)
"""Files that packages copy when they are installed: from, to."""

KEPT = "copyright"
"""The file of each ``usr/share/doc/PACKAGE`` that stays: licences ask for it."""
