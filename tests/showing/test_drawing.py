"""What a picture looks like at any width."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from qspin.events import Event, Kind
from qspin.showing.drawing import Drawing, as_text
from qspin.showing.picture import Picture
from qspin.showing.words import about, clean, clock, figures_told, rate

LABELS = [
    "glass (instance 12, n_spins 4096) with tempering",
    "a network that was trained on digits for 30 epochs",
    "überlang (Größe 10, 温度 3) with annealer",
    "\x1b[31mred\x1b[0m [bold]glass[/bold]\nwith exact",
]
FIGURES = [
    {"best_energy": -1234.5678, "sweeps_per_second": 1_234_567.0},
    {"loss": 0.034, "accuracy": 0.973},
    {"best_energy": -3e-5, "sweeps_per_second": 0.02},
    {"best_energy": float("nan")},
]


@pytest.fixture
def picture():
    """Four workers of a run that has 400 tasks."""
    made = Picture("spin-glass-transition", clock=lambda: 0.0)
    made.see(Event(Kind.BEGIN, n=400, time=0.0))
    for k, (label, figures) in enumerate(zip(LABELS, FIGURES, strict=True)):
        start = Event(Kind.START, str(k), label, "sample", worker=f"worker {k + 1}", time=0.0)
        made.see(start)
        remark = "waiting for job d23-af of a solver, which is in the queue"
        made.see(start.now(Kind.PROGRESS, fraction=k / 4, figures=figures, remark=remark, time=12.0))
    return made


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200])
def test_no_line_is_too_long_or_torn(picture, width):
    lines = as_text(picture, width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert sum("worker" in line for line in lines) == 4
    assert all(line.isprintable() for line in lines)


def test_wide_enough_it_says_everything(picture):
    text = as_text(picture, 160)
    assert text.startswith("spin-glass-transition · 0 of 400 tasks · 1.23 M sweeps/s · 0:12")
    assert "worker 1  glass (instance 12, n_spins 4096) with tempering" in text
    assert "E -1234.57  1.23 M sweeps/s" in text
    assert "accuracy 97.3 %  loss 0.034  waiting for job d23-af" in text
    assert "E -3e-05  1.2 sweeps/min" in text
    assert "nan" not in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_beginning_and_end_of_a_label_stay(picture, width):
    first = next(line for line in as_text(picture, width).splitlines() if "worker 1" in line)
    assert "glass" in first
    assert "tempering" in first


def test_a_terminal_of_ten_lines_is_never_overrun():
    made = Picture()
    made.see(Event(Kind.BEGIN, n=100))
    for k in range(64):
        made.see(Event(Kind.START, str(k), f"task {k}", "sample", worker=f"worker {k}"))
    console = Console(file=io.StringIO(), width=80, height=10, force_terminal=True)
    console.print(Drawing(made))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 9
    assert "and 58 more" in lines[-1]


def test_a_terminal_without_unicode_gets_none(picture):
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80)
    made = Picture("plain")
    made.see(Event(Kind.BEGIN, n=10))
    console.print(Drawing(made, ("silent", "")))
    console.file.flush()
    assert b"plain | 0 of 10 tasks" in console.file.buffer.getvalue()


def test_several_processes_are_told_apart():
    made = Picture()
    for run in ("12@alpha-ab", "99@beta-cd"):
        made.see(Event(Kind.BEGIN, n=10), run)
        made.see(Event(Kind.START, run, "task", "sample", worker="worker 1"), run)
    text = as_text(made, 80)
    assert "12@alpha worker 1" in text
    assert "99@beta worker 1" in text


def test_nothing_is_drawn_before_there_is_anything():
    assert as_text(Picture("run"), 80) == ""


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3600, "1:00:00"), (86_400, "1 d 0:00"), (-5, "0:00")],
    )
    def test_durations(self, seconds, told):
        assert clock(seconds) == told

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(0, "1 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (5400, "1 h 30 min"), (36_000, "10 h"),
         (172_700, "48 h"), (172_801, "2 days")],
    )  # fmt: skip
    def test_estimates(self, seconds, told):
        assert about(seconds) == told

    @pytest.mark.parametrize(
        ("value", "told"),
        [(999.4, "999 sweeps/s"), (999.6, "1 k sweeps/s"), (1e6, "1 M sweeps/s"), (999_600, "1 M sweeps/s"),
         (2.5e9, "2.5 G sweeps/s"), (1.5e15, "1500 T sweeps/s"), (1.0, "1 sweeps/s"), (0.5, "30 sweeps/min"),
         (0.0, "0 sweeps/h")],
    )  # fmt: skip
    def test_speeds(self, value, told):
        assert rate(value, "sweeps") == told

    def test_a_figure_without_words_goes_by_its_name(self):
        told = figures_told({"acceptance_rate": 0.25, "best_energy": -1.0})
        assert told == ["E -1", "acceptance rate 0.25"]

    def test_no_token_is_shown(self, monkeypatch):
        monkeypatch.setenv("DWAVE_API_TOKEN", "DEV-0123456789")
        assert clean("no route\nwith DEV-0123456789\x1b[2J") == "no route with <token> [2J"
