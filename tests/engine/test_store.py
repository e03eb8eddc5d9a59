"""What tasks gave comes back as it was; what is damaged counts as not there, and is told."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from qspin import SampleSet, get_backend, instances
from qspin.engine import Store
from qspin.engine.archive import read_dataset, write_dataset
from qspin.engine.recent import Recent
from qspin.errors import InputError, RunError, StorageError
from qspin.executor import Task
from qspin.source import Prepared

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
