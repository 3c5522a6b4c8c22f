"""Run the command line as ``python -m depsfirst``."""

from depsfirst.cli import main

if __name__ == "__main__":
    main()
