"""Benchmarks print their tables at the end of the run, and draw them with ``--plot FILE``."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

ONE_THREAD = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def pytest_addoption(parser):
    parser.addoption("--plot", metavar="FILE", help="draw the updates per second of all contenders")
    parser.addoption("--quick", action="store_true", help="few instances, and less time for each")


def pytest_configure(config):
    config.rates = defaultdict(dict)  # case -> contender -> updates per second
    config.remarks = []


def pytest_collection_modifyitems(config, items):
    if items and (wrong := [name for name in ONE_THREAD if os.environ.get(name) != "1"]):
        raise pytest.UsageError(
            f"comparisons are on one thread: set {', '.join(wrong)} to 1, or use make bench"
        )


@pytest.fixture
def report_rate(request, benchmark):
    """report_rate(case, contender, rate): keep a rate for the table and with pytest-benchmark's own
    record.
    """

    def report(case: str, contender: str, rate: float) -> None:
        benchmark.extra_info["updates_per_second"] = rate
        request.config.rates[case][contender] = rate

    return report


@pytest.fixture(scope="session")
def remark(request):
    """remark(text): a line for the end of the run."""
    return request.config.remarks.append


def pytest_terminal_summary(terminalreporter, config):
    write = terminalreporter.write_line
    if config.rates:
        write("")
        write("attempted spin updates per second, one thread (in units of dwave-samplers' annealer)")
        for case, rates in config.rates.items():
            base = rates.get("dwave-samplers")
            parts = [
                f"{name} {rate:.3g}" + (f" ({rate / base:.1f}x)" if base else "")
                for name, rate in rates.items()
            ]
            write(f"  {case}: {', '.join(parts)}")
        if path := config.getoption("--plot"):
            draw(config.rates, Path(path))
    for line in config.remarks:
        write(line)


def draw(rates: dict[str, dict[str, float]], path: Path) -> None:
    """Bars on a logarithmic axis, a group a case."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    cases = [case for case, by_contender in rates.items() if len(by_contender) > 1]
    contenders = list(dict.fromkeys(name for case in cases for name in rates[case]))
    with rc_context({"svg.hashsalt": "performance", "font.size": 9.5}):
        figure = Figure(figsize=(7.4, 3.4), layout="constrained")
        ax = figure.subplots()
        width, hatches = 0.8 / len(contenders), ("", "//", "..", "xx")
        for k, name in enumerate(contenders):
            shift = (k - (len(contenders) - 1) / 2) * width
            places = [c + shift for c, case in enumerate(cases) if name in rates[case]]
            heights = [rates[case][name] for case in cases if name in rates[case]]
            bars = ax.bar(
                places, heights, width, label=name, color=f"C{k}", hatch=hatches[k % 4], edgecolor="white"
            )
            ax.bar_label(bars, [f"{height:.1e}" for height in heights], fontsize=7, rotation=90, padding=3)
        ax.set_yscale("log")
        ax.set_xticks(range(len(cases)), cases, fontsize=8)
        ax.set_ylabel("attempted spin updates / s, one thread")
        ax.margins(y=0.3)
        figure.legend(loc="outside upper center", ncols=len(contenders), frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
