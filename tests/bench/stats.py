"""Medians and percentiles of what was measured, and taking measurements in turns."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Measurement = Callable[[], float]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed: the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def in_turns(measurements: Mapping[str, Measurement], rounds: int) -> dict[str, float]:
    """Take each measurement `rounds` times, A B C A B C, since the machine is noisy; return the medians."""
    taken: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def milliseconds(action: Callable[[], object], times: int) -> float:
    """The median time of `times` calls, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000
