"""Timings that are kept between runs, and what is estimated from them."""

from __future__ import annotations

import json
import multiprocessing

import pytest

from qspin import timings
from qspin.timings import Timing, Timings, keep_timing, timings_file


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path / "cache"))
    timings._seen.clear()


def kept():
    return timings._read(timings_file())


class TestKeeping:
    def test_what_is_kept_is_read(self):
        keep_timing(Timing("dice", 10.0, 0.5, n_spins=3, n_couplings=2, n_threads=4, is_first=True))
        (found,) = kept()
        assert found == Timing("dice", 10.0, 0.5, 3, 2, 4, True, 0.0, machine=timings.machine_name())

    def test_of_many_of_a_kind_only_some_are(self):
        for _ in range(1_000):
            keep_timing(Timing("dice", 10.0, 0.5))
        assert len(kept()) == 4 + 7  # and the 8th, 16th, ..., 512th

    @pytest.mark.parametrize(
        "line",
        [
            b'{"kernel": "dice", "wo',
            b"\xff\xfe\x00",
            b"[1, 2]",
            b'{"kernel": "dice", "work": "much", "seconds": 1.0}',
            b'{"kernel": "dice", "work": NaN, "seconds": 1.0}',
            b'{"kernel": "dice", "work": 1.0, "seconds": -1.0}',
            b'{"kernel": "dice", "work": 1.0, "seconds": 1.0, "of another version": 1}',
            b'{"kernel": "dice", "work": 1.0, "seconds": 1.0, "n_threads": 0}',
        ],
    )
    def test_a_damaged_line_does_not_count_and_harms_no_other(self, line):
        keep_timing(Timing("dice", 1.0, 0.5))
        with timings_file().open("ab") as file:
            file.write(line)
        keep_timing(Timing("dice", 2.0, 0.5))
        assert [timing.work for timing in kept()] == [1.0, 2.0]

    def test_where_they_cannot_be_kept_nothing_fails(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path / "file"))
        keep_timing(Timing("dice", 1.0, 0.5))
        assert Timings.kept().estimate("dice", 1.0) is None

    def test_the_file_stays_small_and_keeps_the_newest_of_each_kind(self, monkeypatch):
        monkeypatch.setattr(timings, "_MOST_BYTES", 20_000)
        for k in range(300):
            timings._seen.clear()
            keep_timing(Timing(f"kernel {k % 3}", 2.0 ** (k % 2), float(k)))
        assert timings_file().stat().st_size < 21_000
        assert kept()[-1].seconds == 299
        assert {timing.kernel for timing in kept()} == {"kernel 0", "kernel 1", "kernel 2"}

    def test_processes_append_whole_lines(self):
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=_keep_many, args=(k,)) for k in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        lines = [line for line in timings_file().read_text().splitlines() if line]
        assert len(lines) == len(kept()) == 150
        assert all(json.loads(line) for line in lines)


def _keep_many(number):
    for k in range(50):
        timings._seen.clear()
        keep_timing(Timing(f"kernel {number}", 1.0, float(k)))


class TestKnowing:
    def test_nothing_is_known_of_another_kernel(self):
        assert Timings([Timing("dice", 1.0, 1.0)]).estimate("coin", 1.0) is None

    def test_one_size_scales_with_work(self):
        known = Timings([Timing("dice", 100.0, 2.0), Timing("dice", 100.0, 2.2), Timing("dice", 100.0, 9.0)])
        found = known.estimate("dice", 1_000.0)
        assert found.seconds() == pytest.approx(22.0, rel=0.02)
        assert str(found) == "3 earlier tasks"

    def test_two_sizes_tell_what_every_task_costs(self):
        exact = [Timing("dice", work, 0.1 + 0.01 * work) for work in (1.0, 10.0, 100.0)]
        for work in (0.0, 30.0, 1_000.0):
            found = Timings(exact).estimate("dice", work)
            assert found.seconds() == pytest.approx(0.1 + 0.01 * work, rel=1e-6)

    def test_the_nearest_size_counts_most(self):
        known = [
            Timing("dice", 100.0, 1.0, n_spins=10),
            Timing("dice", 200.0, 2.0, n_spins=10),
            Timing("dice", 100.0, 3.0, n_spins=1_000),
            Timing("dice", 200.0, 6.0, n_spins=1_000),
        ]
        small, large = (Timings(known).estimate("dice", 150.0, n_spins=n).seconds() for n in (10, 1_000))
        assert small == pytest.approx(1.5, rel=0.1)
        assert large == pytest.approx(4.5, rel=0.15)

    def test_threads_share_the_work(self):
        known = Timings([Timing("dice", 100.0, 1.0, n_threads=4)])
        assert known.estimate("dice", 100.0).seconds(4) == pytest.approx(1.0)
        assert known.estimate("dice", 100.0).seconds(1) == pytest.approx(4.0, rel=0.02)

    def test_what_the_first_of_a_process_takes_beside_is_told_apart(self):
        first = Timing("dice", 100.0, 2.0, is_first=True, starting=4.0)
        alone = Timings([first]).estimate("dice", 200.0)
        assert (alone.seconds(), alone.starting) == (pytest.approx(4.0, rel=0.01), 4.0)
        found = Timings([first, Timing("dice", 100.0, 1.0)]).estimate("dice", 100.0)
        assert (found.seconds(), found.starting) == (pytest.approx(1.0), pytest.approx(5.0))

    def test_pilots_count_only_where_no_task_was_done(self):
        pilot = Timing("dice", 10.0, 7.0, is_pilot=True)
        assert str(Timings([pilot]).estimate("dice", 10.0)) == "1 pilot"
        known = Timings([pilot, Timing("dice", 10.0, 1.0)])
        assert known.estimate("dice", 10.0).seconds() == pytest.approx(1.0)

    def test_another_machine_counts_where_this_one_knows_nothing_and_is_named(self):
        elsewhere = Timing("dice", 10.0, 7.0, machine="Abacus, 2 threads")
        assert str(Timings([elsewhere]).estimate("dice", 10.0)) == "1 earlier task on Abacus, 2 threads"
        known = Timings([elsewhere, Timing("dice", 10.0, 1.0, machine=timings.machine_name())])
        assert known.estimate("dice", 10.0).seconds() == pytest.approx(1.0)
