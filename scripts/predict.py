"""Holds what the cache model says against a real BuildKit, in pairs of builds that are drawn from a seed.

    python3 -m scripts.engines up
    python3 -m scripts.predict --store classic --pairs 1000 --seed 1 --write

What an engine did is kept in the work directory, so that a run goes on where it was ended, and so that a mended model
is held against the same builds at once. ``--write`` puts the figures into ``docs/predictions.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cache.drawn import draw
from tests.cache.pairs import Pair, Places

from scripts.built_pairs import AbsentError, Built, Engine, Observation, Vertex, engine, observe
from scripts.daemons import Places as DaemonPlaces
from scripts.daemons import daemons
from scripts.judged_pairs import Judged, Verdict, judge
from scripts.prediction_figures import Figures, write
from scripts.programs import fail
from scripts.shrunk_pairs import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depsfirst.cache.model import ImageFacts

REPOSITORY = Path(__file__).resolve().parent.parent


class Run:
    """A run on one engine."""

    def __init__(self, engine: Engine, work: Path) -> None:
        """What the engine does is kept in ``work``."""
        self.engine = engine
        self.seen = work / "seen"
        self.places = Places(work / f"contexts-{os.getpid()}")
        self.seen.mkdir(parents=True, exist_ok=True)
        self._facts = work / "images.json"
        self.images = cache(self._image)

    def observe(self, pair: Pair, *, again: bool = False) -> Observation:
        """What the engine does with a pair; it is asked once, unless it is to be asked again."""
        name = hashlib.sha256(repr((pair.before, pair.after)).encode()).hexdigest()[:32]
        kept = self.seen / f"{name}.json"
        if not again and kept.exists():
            told = json.loads(kept.read_text())
            return Observation(*(_built(told[side]) for side in ("before", "after")))
        observation = observe(self.engine, pair, self.places)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(asdict(observation)))
        part.rename(kept)
        return observation

    def judge(self, pair: Pair, *, again: bool = False) -> Verdict:
        """Whether the model is right about a pair."""
        seen = self.observe(pair, again=again)
        return judge(pair, seen, self.places, self.engine.version, self.images)

    def _image(self, name: str) -> ImageFacts | None:
        return self.engine.facts(name)


def _built(told: dict[str, object]) -> Built:
    vertices = tuple(Vertex(**vertex) for vertex in told["vertices"])  # type: ignore[attr-defined]
    return Built(vertices, told["error"])  # type: ignore[arg-type]


def hold(run: Run, seed: int, indices: Iterable[int]) -> Figures:
    """Build and judge pairs by number; a mismatch counts if it is seen again in new builds of the same pair."""
    figures = Figures(run.engine.release, run.engine.version, seed)
    started = time.monotonic()
    for done, index in enumerate(indices, 1):
        pair = draw(seed, index, run.engine.version)
        verdict = run.judge(pair)
        if verdict.wrong:
            verdict = run.judge(pair, again=True)
            figures.doubted += not verdict.wrong
        figures.add(pair, verdict)
        if verdict.wrong:
            _show(pair, verdict)
        if done % 100 == 0:
            print(f"{done}: {figures.summary()}, {time.monotonic() - started:.0f} s", flush=True)
            run.engine.tidy()
    return figures


def _show(pair: Pair, verdict: Verdict) -> None:
    print(f"pair {pair.label}: {verdict.ending.value} {verdict.words} ({', '.join(pair.edits) or 'no edit'})")
    for step in verdict.steps:
        if not step.right:
            print(f"    {_said(step)}")
    sys.stdout.flush()


def _said(step: Judged) -> str:
    went = "came from the cache" if step.cached else "ran"
    reasons = f" ({'; '.join(step.reasons)})" if step.reasons else ""
    return f"line {step.line} {step.title}: said {step.predicted.value}{reasons}, but it {went}"


def explain(run: Run, pair: Pair) -> None:
    """Show a smaller pair with the same mismatch."""
    faults = run.judge(pair).faults
    small = shrink(pair, lambda other: faults <= run.judge(other).faults)
    print(f"\n--- pair {pair.label}, made smaller\n{small.before.text('NONCE')}")
    if small.after.text("") != small.before.text(""):
        print(f"--- after\n{small.after.text('NONCE')}")
    for before, after in small.trees():
        for path in sorted(before.keys() | after.keys()):
            mark = "" if before.get(path) == after.get(path) else f" -> {after.get(path)}"
            print(f"    {path}: {before.get(path)}{mark}"[:200])
    rest = {
        name: (getattr(small.before, name), getattr(small.after, name)) for name in ("arguments", "target", "network")
    }
    print(f"    {rest} {small.before.dockerfile} -> {small.after.dockerfile}")
    _show(small, run.judge(small))


def predict(options: argparse.Namespace) -> int:
    """One run; the exit code is 1 if the model is wrong anywhere."""
    work = options.work / options.store
    own = {daemon.name: daemon.url for daemon in daemons(DaemonPlaces(options.engines))}
    try:
        run = Run(engine(options.daemon or own[options.store], work / "engine", options.engines), work)
        run.engine.prepare()
    except AbsentError as error:
        fail(str(error), "run `python3 -m scripts.engines up` first")
    figures = hold(run, options.seed, range(options.first, options.first + options.pairs))
    print(figures.report())
    for label in figures.wrong_pairs[: options.shrink]:
        explain(run, draw(options.seed, int(label.rpartition("-")[2]), run.engine.version))
    if options.write:
        write(figures, options.store, REPOSITORY / "docs")
    return int(bool(figures.wrong_pairs))


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("classic", "containerd"), required=True, help="which of the engines")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first pair")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--daemon", help="URL of another daemon that has the base image")
    parser.add_argument("--engines", type=Path, default=REPOSITORY / ".work/engines", help="as of scripts.engines")
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".work/predictions")
    parser.add_argument("--shrink", type=int, default=0, metavar="N", help="make so many mismatches smaller")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/")
    options = parser.parse_args()
    options.engines, options.work = options.engines.absolute(), options.work.absolute()
    sys.exit(predict(options))


if __name__ == "__main__":
    main()
