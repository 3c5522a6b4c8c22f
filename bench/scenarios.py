"""What a developer does and what it costs: each scenario gives samples, and proves the images right."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.variants import tag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.docker import Docker
    from bench.measure import Sample
    from bench.projects import WorkingCopy
    from bench.variants import Variant


SIZE = """
from importlib.metadata import files
paths = [file.locate() for file in files("larder")]
print(sum(path.stat().st_size for path in paths if path.suffix != ".pyc"))
"""
"""Prints how many bytes the installed project has in files, going by its own record."""


@dataclass
class Outcome:
    """What a scenario gave in one way to build: samples in order, and facts by name (bytes)."""

    samples: list[Sample] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)


@dataclass
class Bench:
    """One way to build on one daemon; ``current`` is the copy that was built last, if its image is there."""

    variant: Variant
    docker: Docker
    work: Path
    current: WorkingCopy | None = None

    def fresh(self, name: str = "larder") -> WorkingCopy:
        """A copy that was never built."""
        return self.variant.copy(name, self.work / f"{self.variant.key}-{name}")

    def built(self, copy: WorkingCopy) -> Sample:
        """Build, and hold the image to what the copy says of itself."""
        sample = self.variant.build(copy, self.docker)
        said = self.docker.run(tag(self.variant, copy), "--version")
        if said != copy.introduction:
            sys.exit(f'"{tag(self.variant, copy)}" says "{said}" and not "{copy.introduction}"')
        self.current = copy
        return sample

    def warm(self) -> WorkingCopy:
        """A copy whose image is there and was tried through and through."""
        if self.current is None:
            self.built(copy := self.fresh())
            if not self.docker.run(tag(self.variant, copy), "selfcheck").endswith(copy.introduction):
                sys.exit(f'the image of "{self.variant.title}" does not work')
            return copy
        return self.current


@dataclass(frozen=True)
class Scenario:
    """A title, how a sample is taken, how many are enough, and whether all that was built is forgotten for it."""

    title: str
    sample: Callable[[Bench, Outcome], Sample]
    warm: bool = True
    once: bool = False


def measured(scenario: Scenario, benches: list[Bench], runs: int) -> dict[str, Outcome]:
    """Take samples of all variants by turns, so that what else the machine does meets all of them; by key."""
    for bench in benches:
        if scenario.warm:
            bench.warm()
    outcomes = {bench.variant.key: Outcome() for bench in benches}
    for _ in range(1 if scenario.once else runs):
        for bench in benches:
            outcome = outcomes[bench.variant.key]
            outcome.samples.append(scenario.sample(bench, outcome))
    for bench in benches:
        bench.docker.prune_images()
        if not scenario.warm:
            bench.current = None
    return outcomes


def _cold(bench: Bench, _outcome: Outcome) -> Sample:
    bench.variant.reset(bench.docker)
    return bench.built(bench.fresh())


def _edit(bench: Bench, _outcome: Outcome) -> Sample:
    return bench.built(bench.warm().edited())


def _bump(bench: Bench, _outcome: Outcome) -> Sample:
    return bench.built(bench.warm().bumped())


def _unchanged(bench: Bench, _outcome: Outcome) -> Sample:
    return bench.built(bench.warm())


def _second(bench: Bench, outcome: Outcome) -> Sample:
    """Facts: the bytes of each kind that each of both projects added to what is kept outside the daemon."""
    bench.variant.reset(bench.docker)
    if bench.variant.shares:
        bench.built(bench.fresh())
    before = bench.variant.kept()
    sample = bench.built(bench.fresh("kiosk"))
    after = bench.variant.kept()
    outcome.facts = {f"{kind} of the first": size for kind, size in before.items()}
    outcome.facts |= {f"{kind} added": size - before.get(kind, 0) for kind, size in after.items()}
    return sample


def _layers(bench: Bench, outcome: Outcome) -> Sample:
    """Facts: the layers that are others than before, which is what is pushed and pulled."""
    image = tag(bench.variant, bench.warm())
    before = {layer.digest for layer in bench.docker.layers(image, bench.work)}
    copy = bench.warm().edited()
    sample = bench.built(copy)
    new = [layer for layer in bench.docker.layers(image, bench.work) if layer.digest not in before]
    outcome.facts = {
        "new layers": len(new),
        "bytes in their files": sum(layer.content for layer in new),
        "bytes in their tars": sum(layer.size for layer in new),
        "bytes in the project's files as installed": int(bench.docker.run(image, "-c", SIZE, program="python")),
    }
    return sample


SCENARIOS = {
    "cold": Scenario("cold: nothing cached but the base", _cold, warm=False),
    "edit": Scenario("one line edited", _edit),
    "bump": Scenario("version bumped, locked again", _bump),
    "unchanged": Scenario("nothing changed", _unchanged),
    "layers": Scenario("layers after an edit", _layers, once=True),
    "second": Scenario("a second project, 50 packages shared", _second, warm=False),
}
