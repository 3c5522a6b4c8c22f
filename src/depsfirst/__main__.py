"""Where the process begins: ``depsfirst`` and ``python -m depsfirst``."""

from __future__ import annotations

import sys

from depsfirst import __version__


def main() -> None:
    """Say the version, which takes no import, or leave it to the command line.

    Where a Docker will get an image, it is told so before anything is imported: both then get ready side by side.
    """
    if sys.argv[1:] in (["--version"], ["-V"]) and _said(f"depsfirst {__version__}\n"):
        return
    from depsfirst.oci.preamble import begin

    begun = begin(sys.argv[1:])
    from depsfirst import cli

    cli.main(begun=begun)


def _said(text: str) -> bool:
    """Whether somebody hears it; if not, the command line knows what to do."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    main()
