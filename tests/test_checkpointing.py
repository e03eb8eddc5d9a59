"""Where unfinished work is kept: refused at the door, never the reason why work is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qspin
from qspin.checkpoint import Checkpoint, current_checkpoint, fault_of_checkpoint
from qspin.errors import InputError, StorageError

WORK = {"seed": 1}
ARRAYS = {"spins": np.ones(3)}


@pytest.mark.parametrize("place", ["", "file/a", "a\0b", "a" * 300])
def test_a_place_that_cannot_be_written_is_refused_before_work(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write|is a folder"), qspin.checkpointing(tmp_path / place):
        pytest.fail("work began")


@pytest.mark.parametrize("seconds", [-1, math.nan, "60", True])
def test_intervals_that_are_none(tmp_path, seconds):
    with pytest.raises(InputError, match=f"seconds between two saves must be a number .*; got '?{seconds}"):
        Checkpoint(tmp_path / "a", seconds)


class TestDone:
    """The file goes when the samples are safe, not before."""

    def test_it_is_there_until_the_end_of_the_block(self, tmp_path):
        file = tmp_path / "a"
        with qspin.checkpointing(file):
            checkpoint = current_checkpoint()
            checkpoint.save(WORK, ARRAYS)
            checkpoint.discard()
            assert file.is_file()
            assert checkpoint.load(WORK) is None
            assert checkpoint.identity() is None
        assert not file.exists()

    def test_it_stays_if_samples_could_not_be_stored(self, tmp_path):
        def stopped_while_saving():
            with qspin.checkpointing(tmp_path / "a"):
                current_checkpoint().save(WORK, ARRAYS)
                current_checkpoint().discard()
                raise StorageError("full disk")

        with pytest.raises(StorageError):
            stopped_while_saving()
        np.testing.assert_array_equal(Checkpoint(tmp_path / "a", 0).load(WORK)["spins"], np.ones(3))

    def test_another_call_in_the_block_starts_anew(self, tmp_path):
        with qspin.checkpointing(tmp_path / "a"):
            checkpoint = current_checkpoint()
            checkpoint.save(WORK, ARRAYS)
            checkpoint.discard()
            checkpoint.save({"seed": 2}, ARRAYS)
            assert checkpoint.identity()["seed"] == 2
        assert (tmp_path / "a").is_file()


def test_what_differs_from_another_run_is_told_by_name(tmp_path):
    settings = {"betas": [0.1 * k for k in range(60)], "cluster": "bonds", "n_sweeps": 10}
    Checkpoint(tmp_path / "a", 0).save({"seed": 1, "settings": settings}, ARRAYS)
    here = {"n_sweeps": 10, "cluster": "none", "betas": settings["betas"], "move": "heat_bath"}
    with pytest.raises(InputError) as refusal:
        Checkpoint(tmp_path / "a", 0).load({"settings": here, "seed": 1})
    assert str(refusal.value) == (
        f"{tmp_path / 'a'} is the checkpoint of another run: "
        'its settings.cluster is "bonds", here it is "none"; '
        'its settings.move is absent, here it is "heat_bath". '
        "Go on as that run was started, or name another file, or remove this one"
    )


def test_long_values_are_shown_where_they_differ(tmp_path):
    betas = [round(0.1 * k, 1) for k in range(60)]
    Checkpoint(tmp_path / "a", 0).save({"settings": {"betas": betas}}, ARRAYS)
    with pytest.raises(InputError, match=r"betas is \.\.\..* 5\.9\], here it is \.\.\..* 6\.5\]\."):
        Checkpoint(tmp_path / "a", 0).load({"settings": {"betas": [*betas[:-1], 6.5]}})


def test_a_save_that_fails_later_warns_and_goes_on(tmp_path, monkeypatch):
    import qspin.checkpoint as module

    full = True

    def write(path, content):
        if full:
            raise StorageError("could not write a: No space left")

    monkeypatch.setattr(module, "atomic_write", write)
    with qspin.checkpointing(tmp_path / "a", seconds=0):
        with pytest.warns(RuntimeWarning, match="unfinished work is not kept: .*No space left"):
            samples = qspin.get_backend("tempering", betas=[1.0], n_replicas=2, n_sweeps=200).sample(
                qspin.instances.mattis(5, seed=1), seed=1
            )
        (remark,) = (remark for remark in samples.remarks if remark.code == "checkpoint-not-kept")
        assert "unfinished work could not be kept" in remark.text
        full = False
        current_checkpoint().keep(WORK, ARRAYS)
        assert current_checkpoint().warning is None


def test_a_purchase_is_not_begun_without_its_checkpoint(tmp_path, monkeypatch):
    """By it a resumed run knows what it has bought."""
    from qspin_backends.common.resume import begun

    import qspin.checkpoint as module

    def write(path, content):
        raise StorageError("could not write a: No space left")

    monkeypatch.setattr(module, "atomic_write", write)
    with qspin.checkpointing(tmp_path / "a"), pytest.raises(StorageError):
        begun(qspin.instances.mattis(5, seed=1), 1, reuse=True)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_one_is_told(tmp_path, content):
    file = tmp_path / "a"
    assert fault_of_checkpoint(file) is None
    file.write_bytes(content)
    assert "a is not a readable checkpoint" in fault_of_checkpoint(file)
    file.unlink()
    Checkpoint(file, 0).save(WORK, ARRAYS)
    assert fault_of_checkpoint(file) is None
