"""What tasks gave comes back as it was; what is damaged counts as not there, and is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from qspin import SampleSet, get_backend, instances
from qspin.checkpoint import Checkpoint
from qspin.engine import Store, StoredWork
from qspin.engine.recent import Recent
from qspin.engine.storage.archive import read_dataset, write_dataset
from qspin.engine.storage.marker import FORMAT, mark, refuse_newer, refuse_no_store
from qspin.errors import InputError, RunError, StorageError
from qspin.executor import Task
from qspin.source import Prepared

SEAL_BYTES = 47
PROBLEM = instances.mattis(3, seed=1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def kept(store, action):
    """A task whose object is there."""
    task = Task("key", action, {}, label="the task")
    curves = xr.Dataset({"loss": ("epoch", [2.0, 1.0])}, coords={"epoch": [0, 1]})
    if action == "prepare":
        store.keep_prepared("key", Prepared({"weights": np.eye(3)}, curves))
    elif action == "measure":
        store.keep_measured("key", curves)
    else:
        store.keep_samples("key", get_backend("exact", betas=[1.0], n_replicas=3).sample(PROBLEM, seed=1))
    return task


ACTIONS = ["prepare", "sample", "measure"]


class TestObjects:
    def test_preparations(self, store):
        kept(store, "prepare")
        found = store.prepared("key")
        np.testing.assert_array_equal(found.arrays["weights"], np.eye(3))
        assert found.curves["loss"].values.tolist() == [2.0, 1.0]

    def test_samples(self, store):
        kept(store, "sample")
        assert isinstance(store.samples("key"), SampleSet)

    def test_measures(self, store):
        dataset = xr.Dataset(
            {
                "energy": (("beta", "draw"), np.arange(6.0).reshape(2, 3)),
                "energy_error": ("beta", [0.1, np.nan]),
                "ok": ("beta", np.array([True, False])),
                "name": ("draw", np.array(["a", "ü", ""], dtype=object)),
                "n": ((), 3),
                "verdict": ((), "same"),
            },
            coords={"beta": [0.5, 1.0], "temperature": ("beta", [2.0, 1.0])},
            attrs={"text": "x", "number": np.float64(1.5), "list": np.arange(3), "flag": True},
        )
        store.keep_measured("key", dataset)
        found = store.measured("key")
        xr.testing.assert_identical(found.drop_attrs(), dataset.drop_attrs())
        assert found.attrs == {"text": "x", "number": 1.5, "list": [0, 1, 2], "flag": True}

    def test_nothing_measured(self, store):
        assert store.measured("none") is None
        store.keep_measured("empty", xr.Dataset())
        assert store.measured("empty").sizes == {}


class TestDamage:
    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
    def test_a_file_that_was_cut(self, store, action, share):
        task = kept(store, action)
        assert store.has(task)
        assert store.fault(task) is None
        file = store.file(action, "key")
        content = file.read_bytes()
        file.write_bytes(content[: int(share * len(content))])
        assert not store.has(task)
        assert store.fault(task)
        file.write_bytes(content)
        assert store.has(task)

    @pytest.mark.parametrize("action", ["prepare", "measure"])
    def test_every_flipped_bit(self, store, action):
        """What loads is what was written."""
        task = kept(store, action)
        file = store.file(action, "key")
        content = file.read_bytes()
        for at in range(0, len(content), 7):
            file.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
            if store.has(task):
                found = store.measured("key") if action == "measure" else store.prepared("key").curves
                assert found["loss"].values.tolist() == [2.0, 1.0], at
                assert found["epoch"].values.tolist() == [0, 1], at

    @pytest.mark.parametrize("action", ACTIONS)
    def test_what_is_not_there_has_no_fault(self, store, action):
        task = Task("none", action, {})
        assert not store.has(task)
        assert store.fault(task) is None

    def test_samples_with_another_name(self, store, tmp_path):
        write_dataset(tmp_path / "a.npz", xr.Dataset({"a": ((), 1.0)}))
        np.savez(tmp_path / "b.npz", head=np.array('{"other": 1}'))
        with pytest.raises(InputError, match="holds something else than results of a task"):
            read_dataset(tmp_path / "b.npz")
        np.savez(tmp_path / "c.npz", head=np.array('{"attrs": 1, "coords": 2, "data_vars": 3}'))
        with pytest.raises(InputError, match="holds something else"):
            read_dataset(tmp_path / "c.npz")

    def test_every_flipped_byte_of_samples(self, store):
        """Told by the seal, without a look into the file."""
        task = kept(store, "sample")
        file = store.file("sample", "key")
        content = file.read_bytes()
        for at in range(0, len(content) - SEAL_BYTES, 101):
            file.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
            assert not store.has(task), at
            with pytest.raises(InputError):
                store.samples("key")

    @pytest.mark.parametrize("action", ACTIONS)
    def test_every_cut(self, store, action):
        task = kept(store, action)
        file = store.file(action, "key")
        content = file.read_bytes()
        n = 4 if action == "sample" else 20  # without a seal, it is tried in a process of its own
        for length in range(0, len(content) - SEAL_BYTES, len(content) // n):
            file.write_bytes(content[:length])
            assert not store.has(task), length

    @pytest.mark.parametrize("action", ACTIONS)
    def test_it_is_set_aside_by_who_has_the_task(self, store, action):
        task = kept(store, action)
        file = store.file(action, "key")
        assert store.mend(task) == []
        for n in range(2):
            file.write_bytes(b"damaged")
            (told,) = store.mend(task)
            moved = f"damaged/key{'-1' if n else ''}{file.suffix}"
            shown = file.relative_to(store.path)
            assert told.startswith(f"{shown} of the task was damaged (")
            assert told.endswith(f"): it is now {moved}, and is made again")
            assert not file.exists()
            assert (store.path / moved).read_bytes() == b"damaged"
        assert store.fault(task) is None
        kept(store, action)
        assert store.has(task)

    def test_a_folder_in_its_place(self, store):
        task = kept(store, "measure")
        file = store.file("measure", "key")
        file.unlink()
        file.mkdir()
        assert not store.has(task)
        (told,) = store.mend(task)
        assert "is no ordinary file" in told
        assert not file.exists()

    @pytest.mark.parametrize("at", range(0, 600, 60))
    def test_a_checkpoint(self, store, at):
        """That of what is paid knows what was bought, and stays."""
        task = Task("key", "sample", {}, label="the task")
        file = store.checkpoint(task)
        Checkpoint(file, 0).save({"seed": 1}, {"spins": np.arange(9)})
        assert store.mend(task) == []
        content = file.read_bytes()
        file.write_bytes(content[:at])
        assert store.mend(replace(task, is_paid=True)) == []
        (told,) = store.mend(task)
        assert told == (
            "samples/key.checkpoint, unfinished work of the task, was damaged: it is now "
            "damaged/key.checkpoint, and the work begins anew"
        )
        assert not file.exists()
        (store.path / "damaged" / "key.checkpoint").unlink()

    @pytest.mark.parametrize("at", range(0, 1000, 37))
    def test_a_flipped_byte_of_a_checkpoint(self, store, at):
        """It is told, or what is loaded is what was saved."""
        task = Task("key", "sample", {}, label="the task")
        file = store.checkpoint(task)
        Checkpoint(file, 0).save({"seed": 1}, {"spins": np.arange(9)})
        content = bytearray(file.read_bytes())
        content[at % len(content)] ^= 0x10
        file.write_bytes(content)
        if not store.mend(task):
            loaded = Checkpoint(file, 0).load({"seed": 1})
            np.testing.assert_array_equal(loaded["spins"], np.arange(9))

    def test_one_that_cannot_be_moved(self, store):
        task = kept(store, "measure")
        store.file("measure", "key").write_bytes(b"damaged")
        (store.path / "damaged").write_text("a file")
        with pytest.raises(StorageError, match=r"is damaged and could not be moved to .*move or remove it"):
            store.mend(task)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\n\n"])
    def test_a_failure(self, store, content):
        task = Task("key", "sample", {}, label="the task")
        store.record_failure(task, "no luck")
        (store.path / "failures" / "key.txt").write_bytes(content)
        assert store.failures()["key"].endswith("(traceback in failures/key.txt)")
        with store.recorded(task):
            pass
        assert store.failures() == {}


class TestMarker:
    def test_a_new_store_gets_one(self, store):
        store.path.mkdir()
        assert mark(store) is None
        assert json.loads((store.path / "store.json").read_text()) == {"format": FORMAT}
        assert mark(store) is None
        refuse_newer(store.path)

    def test_a_newer_format_is_refused(self, store):
        store.path.mkdir()
        (store.path / "store.json").write_text(json.dumps({"format": FORMAT + 1}))
        message = f"has format {FORMAT + 1}; this version of qspin reads up to {FORMAT}: update qspin"
        for refuse in (refuse_newer, refuse_no_store):
            with pytest.raises(InputError, match=message):
                refuse(store.path)
        with pytest.raises(InputError, match=message), StoredWork(store.path):
            pytest.fail("work began")

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": "two"}', b'{"format": 0}'])
    def test_a_damaged_one_is_written_anew(self, store, content):
        kept(store, "measure")
        (store.path / "store.json").write_bytes(content)
        told = []
        with StoredWork(store.path, lambda event: told.append(event.remark)):
            pass
        assert told == ["store.json was damaged: it is now damaged/store.json, and is written anew"]
        assert json.loads((store.path / "store.json").read_text()) == {"format": FORMAT}

    def test_places_for_a_store(self, tmp_path, store):
        refuse_no_store(tmp_path / "none")
        refuse_no_store(tmp_path)
        kept(store, "measure")
        refuse_no_store(store.path)
        with pytest.raises(InputError, match=r"holds other files \(run\) and is no store; expected one that"):
            refuse_no_store(tmp_path)
        (tmp_path / "file").write_text("")
        for name in ("file", "a\0b"):
            with pytest.raises(InputError, match="cannot be read: .*; choose another"):
                refuse_no_store(tmp_path / name)


class TestRecorded:
    TASK = Task("key", "sample", {}, label="glass with bad")

    def test_a_failure_is_written_down_until_it_goes_well(self, store):
        with store.recorded(self.TASK) as outcome:
            raise RunError("several\nlines")
        assert outcome.failure == "glass with bad: several lines"
        first, *rest = (store.path / "failures" / "key.txt").read_text().splitlines()
        assert first == outcome.failure
        assert "Traceback" in "".join(rest)
        assert store.failure("key") == f"{first} (traceback in failures/key.txt)"
        with store.recorded(self.TASK) as outcome:
            pass
        assert outcome.failure is None
        assert store.failure("key") is None
        assert not (store.path / "failures").exists()

    @pytest.mark.parametrize("error", [StorageError("full disk"), KeyboardInterrupt()])
    def test_what_all_would_meet_passes(self, store, error):
        with pytest.raises(type(error)), store.recorded(self.TASK):
            raise error
        assert not store.path.exists()


def test_a_failure_of_what_is_there_is_forgotten(store):
    """An interrupt may come when the object has just been stored."""
    task = kept(store, "measure")
    store.record_failure(task, "it took too long")
    assert StoredWork(store.path).has(task)
    assert store.failures() == {}


class TestRecent:
    def test_the_last_ones_stay(self):
        made = []
        recent = Recent(most=2)
        for name in "abaca":
            recent.get(name, lambda name=name: made.append(name) or name)
        assert made == ["a", "b", "c"]

    def test_bytes_are_bounded(self):
        recent = Recent(most=9, most_bytes=10, size=len)
        recent.keep("large", "x" * 11)
        recent.keep("a", "x" * 6)
        recent.keep("b", "x" * 6)
        made = []
        assert recent.get("b", lambda: made.append("b") or "") == "x" * 6
        recent.get("a", lambda: made.append("a") or "")
        recent.get("large", lambda: made.append("large") or "")
        assert made == ["a", "large"]
