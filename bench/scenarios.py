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


@dataclass
class Outcome:
    """What one scenario gave: samples in order, and facts by name (bytes)."""

    samples: list[Sample] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)


@dataclass
class Bench:
    """One way to build on one daemon; ``current`` is the copy that was built last, if any."""

    variant: Variant
    docker: Docker
    work: Path
    runs: int
    current: WorkingCopy | None = None

    def fresh(self, name: str = "larder") -> WorkingCopy:
        """A copy that was never built."""
        return self.variant.copy(name, self.work / f"{self.variant.key}-{name}")

    def built(self, copy: WorkingCopy) -> Sample:
        """Build, and hold the image to what the copy says."""
        sample = self.variant.build(copy, self.docker)
        self.current = copy
        said = self.docker.run(tag(self.variant, copy), "--version")
        if said != copy.introduction:
            sys.exit(f'"{tag(self.variant, copy)}" says "{said}" and not "{copy.introduction}"')
        return sample

    def warm(self) -> WorkingCopy:
        """A copy whose image was built just now."""
        if self.current is None or self.current.name != "larder":
            self.built(self.fresh())
        assert self.current is not None
        return self.current


def cold(bench: Bench) -> Outcome:
    """Build for the first time on a machine that has the base and nothing else."""
    outcome = Outcome()
    for _ in range(bench.runs):
        bench.variant.reset(bench.docker)
        outcome.samples.append(bench.built(bench.fresh()))
    checked = bench.docker.run(tag(bench.variant, bench.warm()), "selfcheck")
    if not checked.endswith(bench.warm().introduction):
        sys.exit(f'the image of "{bench.variant.title}" does not work: {checked}')
    return outcome


def edit(bench: Bench) -> Outcome:
    """Change a line of the code."""
    return _repeat(bench, lambda copy: copy.edited())


def bump(bench: Bench) -> Outcome:
    """Raise the version and lock again; locking is not timed."""
    return _repeat(bench, lambda copy: copy.bumped())


def unchanged(bench: Bench) -> Outcome:
    """Build again what was built."""
    return _repeat(bench, lambda copy: copy)


def _repeat(bench: Bench, change: Callable[[WorkingCopy], WorkingCopy]) -> Outcome:
    outcome = Outcome()
    bench.warm()
    for _ in range(bench.runs):
        outcome.samples.append(bench.built(change(bench.warm())))
    bench.docker.prune_images()
    return outcome


def second(bench: Bench) -> Outcome:
    """Build another project for the first time, where one that shares most of its packages was built before.

    The facts are the bytes of each kind that each of both added to depsfirst's cache.
    """
    outcome = Outcome()
    for _ in range(bench.runs):
        bench.variant.reset(bench.docker)
        if bench.variant.shares:
            bench.built(bench.fresh())
        before = bench.variant.kept()
        outcome.samples.append(bench.built(bench.fresh("kiosk")))
        after = bench.variant.kept()
    outcome.facts |= {f"{kind} of the first": size for kind, size in before.items()}
    outcome.facts |= {f"{kind} added": size - before.get(kind, 0) for kind, size in after.items()}
    bench.current = None
    bench.variant.reset(bench.docker)
    return outcome


def layers(bench: Bench) -> Outcome:
    """Change a line, and see which layers of the image are others than before: what is pushed and pulled."""
    copy = bench.warm()
    image = tag(bench.variant, copy)
    before = {layer.digest for layer in bench.docker.layers(image, bench.work)}
    copy = copy.edited()
    outcome = Outcome([bench.built(copy)])
    new = [layer for layer in bench.docker.layers(image, bench.work) if layer.digest not in before]
    outcome.facts = {
        "new layers": len(new),
        "bytes in their files": sum(layer.content for layer in new),
        "bytes in their tars": sum(layer.size for layer in new),
        "bytes in the project's own files": copy.size(),
    }
    return outcome


SCENARIOS: dict[str, Callable[[Bench], Outcome]] = {
    "cold": cold,
    "edit": edit,
    "bump": bump,
    "unchanged": unchanged,
    "layers": layers,
    "second": second,
}
