"""What an edit costs: depsfirst against Dockerfiles written by hand and its own, on real Docker daemons.

    make bench
    python -m bench.edit_loop --runs 5 --only u,d --scenario edit,bump --store classic,containerd

The daemons are those of ``scripts.engines``. The benchmark removes its own images and the whole build
cache there, so that nothing else should use them meanwhile. All variants start from the same base, which
every daemon has before the first build; the managers are in an image made beforehand. Every image is run
and must show the edited line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from bench import projects, report
from bench.docker import Docker, find_client
from bench.product import installed
from bench.scenarios import SCENARIOS, Bench, measured
from bench.variants import all_variants, provide_tools
from depsfirst import __version__

STORES = {"classic": "DEPSFIRST_TEST_DOCKER", "containerd": "DEPSFIRST_TEST_CONTAINERD"}


def main() -> None:
    """Measure what was asked for, print the table, and write both files."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    base = Path(variable("DEPSFIRST_TEST_BASE"))
    variants = all_variants(installed(options.out / "venv"), base, options.out / "cache")
    chosen = [variant for variant in variants if variant.key in options.only]
    results: report.Results = {}
    facts = _machine()
    for store in options.store:
        docker = Docker(store, variable(STORES[store]), find_client(), options.out / f"{store}.log")
        facts[f"Docker, {store} store"] = docker.version()
        provide_tools(docker, options.out)
        results[store] = {}
        benches = [Bench(variant, docker, options.out) for variant in chosen]
        _forget(benches)
        for name in options.scenario:
            _say(f"{store}: {SCENARIOS[name].title}")
            results[store][name] = measured(SCENARIOS[name], benches, options.runs)
            for key, outcome in results[store][name].items():
                _say(f"  {key}: {', '.join(f'{sample.seconds:.2f}' for sample in outcome.samples)}")
            _write(options.out / "edit_loop.json", json.dumps(report.as_json(results, facts), indent=1))
        _forget(benches)
    text = report.as_markdown(results, {variant.key: variant.title for variant in chosen}, facts)
    _write(options.out / "edit_loop.md", text)
    print(text)


def _forget(benches: list[Bench]) -> None:
    for bench in benches:
        bench.variant.reset(bench.docker)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="samples per figure (default: 5)")
    parser.add_argument("--only", type=_list("nsucid"), default=list("nsucid"), help="of n,s,u,c,i,d")
    parser.add_argument("--scenario", type=_list(SCENARIOS), default=list(SCENARIOS), help=",".join(SCENARIOS))
    parser.add_argument("--store", type=_list(STORES), default=["classic"], help="of classic,containerd")
    parser.add_argument("--out", type=Path, default=projects.REPOSITORY / ".work" / "bench")
    return parser.parse_args()


def _list(allowed: Any) -> Any:
    def parse(text: str) -> list[str]:
        words = text.split(",")
        unknown = [word for word in words if word not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f'"{unknown[0]}" is none of {", ".join(allowed)}')
        return words

    return parse


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "packages in the lock": len(projects.pins(projects.SOURCES["larder"])),
        "depsfirst": __version__,
    }


def variable(name: str) -> str:
    """A variable that ``scripts.engines`` sets.

    Raises:
        SystemExit: it is not set.
    """
    value = os.environ.get(name)
    return value or sys.exit(f'{name} is not set: run `eval "$(python3 -m scripts.engines up)"` first')


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n")


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
