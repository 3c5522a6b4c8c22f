"""What an answer costs: ``depsfirst why`` in a context of 20,000 files, and the parsing of 1,000 Dockerfiles.

    python -m bench.why --runs 20

The context is made for it: packages of Python, documents, data and an ignore file whose patterns are asked for each
path. The Dockerfiles are made, too, each another one, with stages, mounts, heredocs and continued lines.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.measure import measure
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

FILES = 20_000
DOCKERFILES = 1_000
WHY_LIMIT = 0.3
PARSE_LIMIT = 1.0
DOCKERFILE = """# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM python:${{PYTHON}}-slim AS base
ENV PIP_NO_CACHE_DIR=1 \\
    PYTHONUNBUFFERED=1
RUN apt-get update \\
 && apt-get install -y --no-install-recommends gcc libpq-dev \\
 && rm -rf /var/lib/apt/lists/*

FROM base AS builder
COPY --from=registry.example/uv:0.5 /uv /bin/uv
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --no-install-project
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev
RUN <<EOF
set -e
python -m compileall -q /app
echo {number} > /app/build
EOF

FROM base AS final
COPY --from=builder --chown=1000:1000 /app /app
COPY docs/*.md /docs/
ENV PATH=/app/.venv/bin:$PATH
LABEL number={number}
USER 1000
CMD ["python", "-m", "shop"]
"""
IGNORED = "**/__pycache__\n*.log\n!important.log\ndata/**/*.bin\n.git\nnode_modules\n"
PYPROJECT = '[project]\nname = "shop"\nversion = "0.1.0"\n\n[project.scripts]\nshop = "shop.main:run"\n'


def make_context(folder: Path) -> None:
    """Write a project with so many files that none of them can be looked at one by one."""
    (folder / "Dockerfile").write_text(DOCKERFILE.format(number=0))
    (folder / ".dockerignore").write_text(IGNORED)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "uv.lock").write_text('version = 1\n[[package]]\nname = "shop"\nversion = "0.1.0"\n')
    (folder / "shop").mkdir()
    (folder / "shop/main.py").write_text("def run(): ...\n")
    kinds = (("shop/part", "module", "py"), ("docs/part", "page", "md"), ("data/part", "table", "csv"))
    for number in range(FILES - 5):
        place, name, suffix = kinds[number % len(kinds)]
        parent = folder / f"{place}{number // 150}"
        parent.mkdir(parents=True, exist_ok=True)
        (parent / f"{name}{number}.{suffix}").touch()


def seconds_to_parse() -> float:
    """Parse Dockerfiles, and read their instructions and stages."""
    texts = [DOCKERFILE.format(number=number) for number in range(DOCKERFILES)]
    start = time.perf_counter()
    for text in texts:
        if outline(parse(text)).problems:
            sys.exit("a Dockerfile is refused")
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print medians; fail where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="samples per figure (default: 20)")
    runs = parser.parse_args().runs
    command = [sys.executable, "-m", "depsfirst", "why"]
    questions = {
        "why --change code": ["--change", "code"],
        "why --change version-bump": ["--change", "version-bump"],
        "why README.md --format json": ["README.md", "--format", "json"],
    }
    times: dict[str, list[float]] = {name: [] for name in questions}
    with TemporaryDirectory() as name:
        folder = Path(name, "context")
        folder.mkdir()
        make_context(folder)
        os.chdir(folder)
        for turn in range(runs + 1):
            for title, words in questions.items():
                sample = measure([*command, *words], variables={}, log=Path(name, "log"))
                if turn:  # the first turn writes bytecode
                    times[title].append(sample.seconds)
        os.chdir("/")
    parsed = [seconds_to_parse() for _ in range(5)]
    print("| what | median, s | slowest, s | limit, s |\n| --- | ---: | ---: | ---: |")
    for title, samples in times.items():
        print(f"| `depsfirst {title}`, {FILES:,} files | {median(samples):.3f} | {max(samples):.3f} | {WHY_LIMIT} |")
    print(f"| parsing {DOCKERFILES:,} Dockerfiles | {median(parsed):.3f} | {max(parsed):.3f} | {PARSE_LIMIT} |")
    slow = [title for title, samples in times.items() if median(samples) > WHY_LIMIT]
    sys.exit(f"too slow: {', '.join(slow) or 'parsing'}" if slow or median(parsed) > PARSE_LIMIT else 0)


if __name__ == "__main__":
    main()
