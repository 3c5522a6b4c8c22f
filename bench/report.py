"""Medians, ratios and verdicts as Markdown, and everything that was measured as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.scenarios import Outcome

Results = dict[str, dict[str, dict[str, "Outcome"]]]
"""Outcomes by image store, scenario and key of the variant."""


@dataclass(frozen=True, slots=True)
class Target:
    """What depsfirst must reach in a scenario: at most ``share`` of another variant's median."""

    scenario: str
    against: str
    share: float


TARGETS = (
    *(
        Target(scenario, key, 1 / part)
        for scenario in ("edit", "bump")
        for key, part in (("u", 8), ("s", 25), ("n", 200))
    ),
    Target("cold", "u", 0.6),
)
EDIT_SECONDS = 0.3
PEAK = 300_000_000


def seconds(outcome: Outcome) -> float:
    """The median of the samples."""
    return median(sample.seconds for sample in outcome.samples)


def as_json(results: Results, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything: the machine's facts, and per store, scenario and variant the samples and their median."""
    return {
        "version": 1,
        "machine": dict(facts),
        "results": {
            store: {
                scenario: {key: _outcome(outcome) for key, outcome in outcomes.items()}
                for scenario, outcomes in scenarios.items()
            }
            for store, scenarios in results.items()
        },
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "median_seconds": round(seconds(outcome), 4),
        "seconds": [round(sample.seconds, 4) for sample in outcome.samples],
        "peak_bytes": max(sample.peak for sample in outcome.samples),
        "facts": outcome.facts,
    }


def as_markdown(results: Results, titles: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    """A table per image store, then what depsfirst must reach and whether it does."""
    lines = ["# What an edit costs", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    for store, scenarios in results.items():
        lines += [f"## {store} image store", "", "Seconds: median (fastest to slowest).", ""]
        lines += [*_times(scenarios, titles), "", *_facts(scenarios), *_verdicts(scenarios)]
    return "\n".join(lines)


def _times(scenarios: Mapping[str, Mapping[str, Outcome]], titles: Mapping[str, str]) -> Iterator[str]:
    keys = [key for key in titles if any(key in outcomes for outcomes in scenarios.values())]
    rivals = [key for key in keys if key != "d"] if "d" in keys else []
    yield _row(["", *(f"({key}) {titles[key]}" for key in keys), *(f"{key} / d" for key in rivals)])
    yield _row(["---", *("---:" for _ in [*keys, *rivals])])
    for scenario, outcomes in scenarios.items():
        cells = [_time(outcomes.get(key)) for key in keys]
        cells += [_ratio(outcomes.get(key), outcomes.get("d")) for key in rivals]
        yield _row([SCENARIOS[scenario].title, *cells])


def _time(outcome: Outcome | None) -> str:
    if outcome is None:
        return "-"
    times = [sample.seconds for sample in outcome.samples]
    spread = f" ({min(times):.2f} to {max(times):.2f})" if len(times) > 1 else ""
    return f"{seconds(outcome):.2f}{spread}"


def _ratio(outcome: Outcome | None, ours: Outcome | None) -> str:
    return f"{seconds(outcome) / seconds(ours):.1f}" if outcome and ours else "-"


def _facts(scenarios: Mapping[str, Mapping[str, Outcome]]) -> Iterator[str]:
    for scenario, outcomes in scenarios.items():
        for key, outcome in outcomes.items():
            if outcome.facts:
                facts = ", ".join(f"{name}: {value:,}" for name, value in outcome.facts.items())
                yield f"- {SCENARIOS[scenario].title} ({key}): {facts}"
    yield ""


def _verdicts(scenarios: Mapping[str, Mapping[str, Outcome]]) -> Iterator[str]:
    ours = {scenario: outcomes["d"] for scenario, outcomes in scenarios.items() if "d" in outcomes}
    for target in TARGETS:
        other = scenarios.get(target.scenario, {}).get(target.against)
        if other and target.scenario in ours:
            share = seconds(ours[target.scenario]) / seconds(other)
            text = f"{SCENARIOS[target.scenario].title}: {share:.4f} of ({target.against})"
            yield _verdict(f"{text}, at most {target.share:.4f}", reached=share <= target.share)
    for scenario in ("edit", "bump"):
        if scenario in ours:
            text = f"{SCENARIOS[scenario].title}: {seconds(ours[scenario]):.3f} s, under {EDIT_SECONDS} s"
            yield _verdict(text, reached=seconds(ours[scenario]) < EDIT_SECONDS)
    peaks = [sample.peak for outcome in ours.values() for sample in outcome.samples]
    if peaks:
        text = f"peak memory: {max(peaks) / 1e6:.0f} MB, under {PEAK / 1e6:.0f} MB"
        yield _verdict(text, reached=max(peaks) < PEAK)
    facts = ours["layers"].facts if "layers" in ours else {}
    if facts:
        code, own = facts["bytes in their files"], facts["bytes in the project's files as installed"]
        yield _verdict(
            f"code layer: {code:,} bytes in files, at most the {own:,} of the installed project", reached=code <= own
        )
    yield ""


def _verdict(text: str, *, reached: bool) -> str:
    return f"- {'reached' if reached else '**missed**'}: {text}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
