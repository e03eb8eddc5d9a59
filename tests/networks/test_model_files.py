"""Networks and machines from files of weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qspin import networks
from qspin.errors import CapacityError, InputError
from qspin.networks.files.model import facts_of
from qspin.registry import get_source
from qspin.testing import SourceContract
from qspin.testing.source import prepared_for
from qspin.workload import Workload

MACHINES = Path(__file__).resolve().parents[3] / "shared" / "data" / "grbm"
NET = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False))


@pytest.fixture
def saved(tmp_path):
    """A function that writes something by torch and says where."""

    def save(content, name="net.pt", **settings):
        torch.save(content, tmp_path / name, **settings)
        return tmp_path / name

    return save


def test_a_state_dict_is_the_twin_of_its_module(saved, tmp_path):
    twin = networks.twin(NET, biases=True)
    assert networks.read_model(saved(NET.state_dict()), biases=True) == twin
    assert networks.read_model(saved({"state_dict": NET.state_dict()}), biases=True) == twin
    assert (
        networks.read_model(saved(NET.state_dict(), _use_new_zipfile_serialization=False), biases=True)
        == twin
    )
    save_file(NET.state_dict(), tmp_path / "net.safetensors")
    assert networks.read_model(tmp_path / "net.safetensors", biases=True) == twin
    assert networks.read_model(saved(NET.state_dict()), layers=["0", "2"]).n_spins == 5
    assert networks.read_model(saved(NET[0].half().state_dict()), scale="none").n_spins == 7
    NET.float()


def test_a_lone_layer(saved):
    layer = nn.Linear(3, 2)
    assert networks.read_model(saved(layer.state_dict())) == networks.twin(layer)


class Executed:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def in_json(path):
    path.write_text('{"weights": [1, 2]}', encoding="utf-8")
    return path


def truncated(path):
    path.write_bytes(path.read_bytes()[:200])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda save: save(NET), "is no state dict but a pickle of other objects"),
        (lambda save: save(Executed()), "is no state dict but a pickle of other objects"),
        (lambda save: save([1, 2]), "holds list, no state dict"),
        (lambda save: save({"epoch": 3}), "its entry 'epoch' is int, not a tensor"),
        (lambda save: save({}), "no state dict"),
        (lambda save: truncated(save(NET.state_dict())), "is no file of weights"),
        (lambda save: in_json(save(NET.state_dict())), "neither of torch nor safetensors"),
        (lambda save: save({"a.weight": torch.ones(2, 3), "b.weight": torch.ones(4, 5)}), "form no chain"),
        (lambda save: save({"weight": torch.ones(2, 3, 3, 3)}), "is no weight or bias of a linear layer"),
        (lambda save: save({"n.weight": torch.ones(2), "n.bias": torch.ones(2)}), "'n.weight' of shape"),
        (lambda save: save({"weight": torch.ones(2, 3), "bias": torch.ones(3)}), "the bias of layer"),
        (lambda save: save({"weight": torch.full((2, 3), torch.nan)}), "not finite"),
        (lambda save: save({"weight": torch.ones(0, 3)}), r"has no numbers: its shape is \(0, 3\)"),
        (lambda save: save({"weight": torch.ones(2, 3, dtype=torch.complex64)}), "real floating-point"),
        (lambda save: save({"weight": torch.ones(2, 3, dtype=torch.int8)}), "real floating-point"),
        (lambda save: save({"weight": torch.ones(2, 3).to(torch.float8_e4m3fn)}), "got torch.float8_e4m3fn"),
        (lambda save: save(machine() | {"_linear": torch.ones(3).to(torch.float8_e5m2)}), "float8_e5m2. Tho"),
        (lambda save: save({k: NET[0].weight[:3, :3] for k in ("a.weight", "b.weight")}), "share their"),
    ],
)  # fmt: skip
def test_what_is_no_network(saved, tmp_path, monkeypatch, make, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        networks.read_model(make(saved))
    assert not Path("executed").exists()


@pytest.mark.parametrize("read", [networks.read_model, networks.read_machine])
def test_what_is_no_path(read):
    with pytest.raises(InputError, match="expected a path, as text or a pathlib.Path; got None"):
        read(None)


def test_a_view_of_more_numbers_than_memory_holds(saved):
    """One number in the file, which stands for 10^12."""
    path = saved({"weight": torch.ones(1, 1).expand(10**6, 10**6)})
    with pytest.raises(CapacityError, match="numbers of the weight"):
        networks.read_model(path)


def test_sparse_weights_are_those_of_the_matrix(saved):
    dense = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    one, other = (networks.read_model(saved({"weight": w})) for w in (dense.to_sparse(), dense))
    assert one == other


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_whose_numbers_are_what_they_stand_for(saved, precision):
    """Read exactly: halves and quarters are the same in all of them."""
    weight = torch.tensor([[0.5, -0.25, 2.0]])
    one, other = (networks.read_model(saved({"weight": w})) for w in (weight.to(precision), weight))
    assert one == other
    own = networks.RestrictedBoltzmannMachine(3, 2)
    with torch.no_grad():
        own.weights.copy_(torch.tensor([[0.5, 1.0], [-0.25, 0.0], [2.0, 4.0]]))
    assert networks.read_model(saved(own.to(precision).state_dict())) == own.to(torch.float64).problem()


def test_eight_bits_of_a_machine_of_ours_are_refused(saved):
    state = networks.RestrictedBoltzmannMachine(3, 2).state_dict()
    path = saved(state | {"weights": state["weights"].to(torch.float8_e4m3fn)})
    with pytest.raises(InputError, match=r"weights of .*net.pt must be real .* got torch.float8_e4m3fn"):
        networks.read_model(path)


@pytest.mark.parametrize("setting", ["shuffle", "reinitialise"])
def test_seeds_of_controls_count_from_0(saved, setting):
    with pytest.raises(InputError, match=f"{setting} must be at least 0; got -1"):
        networks.read_model(saved(NET.state_dict()), **{setting: -1})


def test_a_header_that_lies(tmp_path):
    """Sizes beyond the file, and a header longer than it."""
    header = {"weight": {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [0, 4_000_000]}}
    text = json.dumps(header).encode()
    for length in (len(text), 10**9):
        file = tmp_path / "lies.safetensors"
        file.write_bytes(struct.pack("<Q", length) + text + bytes(16))
        with pytest.raises(InputError, match="is no safetensors file, or one whose header does not fit"):
            networks.read_model(file)
    with pytest.raises(InputError, match="cannot be read"):
        networks.read_model(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="cannot be read"):
        networks.read_model(tmp_path / "none.pt")


def machine():
    """As D-Wave's plugin saves it."""
    return {
        "_linear": torch.tensor([0.5, -0.25, 0.0]),
        "_quadratic": torch.tensor([1.0, -0.5]),
        "_edge_idx_i": torch.tensor([0, 1]),
        "_edge_idx_j": torch.tensor([1, 2]),
        "_visible_idx": torch.tensor([0, 2]),
        "_hidden_idx": torch.tensor([1]),
    }


def test_a_machine_is_its_energy(saved):
    problem = networks.read_model(saved(machine()))
    s = np.array([1, -1, 1])
    assert problem.energies(s) == pytest.approx(0.5 + 0.25 - 1.0 + 0.5)
    assert {name: list(units) for name, units in problem.known.groups.items()} == {
        "visible": [0, 2],
        "hidden": [1],
    }


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        ({"_edge_idx_j": torch.tensor([1, 3])}, {}, "must number 3 units"),
        ({"_quadratic": torch.ones(3)}, {}, "holds 3 couplings of 2 and 2 ends"),
        ({"_edge_idx_i": torch.ones(2)}, {}, "must be whole numbers"),
        ({}, {"scale": "critical", "layers": [0]}, "leave out layers, scale"),
    ],
)
def test_machines_that_are_none(saved, change, given, message):
    with pytest.raises(InputError, match=message):
        networks.read_model(saved({**machine(), **change}), **given)


def test_the_source_keeps_what_the_file_held(saved):
    path = saved(NET.state_dict())
    source = get_source("model", path=str(path), layers=[0, 1])
    assert source.outline() == networks.read_model(path, layers=[0, 1])
    again = get_source("model", path=str(path), layers=["input", 1])
    assert source.identity() == again.identity()


@pytest.mark.skipif(not MACHINES.is_dir(), reason="no recorded machines (shared/data/grbm)")
def test_recorded_machines():
    files = sorted(MACHINES.glob("*.pth"))
    assert files
    for file in files:
        problem, tensors = networks.read_model(file), torch.load(file, weights_only=True)
        s = np.random.default_rng(0).choice([-1, 1], size=(20, problem.n_spins))
        i, j = tensors["_edge_idx_i"].numpy(), tensors["_edge_idx_j"].numpy()
        expected = s @ tensors["_linear"].double().numpy()
        expected = expected + (s[:, i] * s[:, j]) @ tensors["_quadratic"].double().numpy()
        np.testing.assert_allclose(problem.energies(s), expected, rtol=0, atol=1e-9)


class TestControls:
    """The numbers of a file shuffled, or drawn as before they learned."""

    def test_shuffles_keep_the_numbers_of_each_layer(self, saved):
        path = saved(NET.state_dict())
        own, drawn = (networks.read_model(path, biases=True, **how) for how in ({}, {"shuffle": 3}))
        assert own != drawn
        assert drawn == networks.read_model(path, biases=True, shuffle=3)
        assert drawn != networks.read_model(path, biases=True, shuffle=4)
        first, second = own.known.groups["layer 0"], own.known.groups["layer 1"]
        for rows, columns in ((second, first), (own.known.groups["layer 2"], second)):
            blocks = [problem.toarray()[np.ix_(rows, columns)] for problem in (own, drawn)]
            np.testing.assert_array_equal(*(np.sort(block, axis=None) for block in blocks))
        np.testing.assert_array_equal(*(np.sort(problem.fields[second]) for problem in (own, drawn)))

    def test_numbers_drawn_anew_are_those_of_torch(self, saved):
        """Uniform between -+ 1 / sqrt(inputs), as `Linear` is initialised; the scale is that of the model."""
        path = saved(nn.Sequential(nn.Linear(400, 30), nn.Linear(30, 20)).state_dict())
        drawn = networks.read_model(path, biases=True, scale="none", reinitialise=1)
        blocks = drawn.toarray()[400:430, :400], drawn.toarray()[430:, 400:430]
        for block, bound in zip(blocks, (1 / 20, 1 / np.sqrt(30)), strict=True):
            assert np.abs(block).max() <= bound
            assert np.mean(block**2) == pytest.approx(bound**2 / 3, rel=0.1)
        scaled = networks.read_model(path, reinitialise=1)
        critical = networks.critical_temperature([400, 30, 20])
        np.testing.assert_allclose(scaled.toarray() * critical, drawn.toarray(), atol=1e-12)
        assert facts_of(path, scale="none").initial == pytest.approx(
            {"layer 0 - layer 1": 0.05, "layer 1 - layer 2": 30**-0.5}
        )
        assert facts_of(path).initial["layer 0 - layer 1"] == pytest.approx(0.05 / critical)

    def test_those_of_a_machine_stay_on_its_graph(self, saved):
        path = saved(machine())
        for how in ({"shuffle": 0}, {"reinitialise": 0}):
            problem = networks.read_model(path, **how)
            assert problem.edges.i.tolist() == [0, 1]
            assert np.abs(problem.edges.couplings).max() <= 5
            assert np.abs(problem.fields).max() <= (0.5 if "shuffle" in how else 0.05)
        assert sorted(networks.read_model(path, shuffle=1).edges.couplings) == [-0.5, 1.0]
        assert facts_of(path) == ({"couplings": 5.0, "fields": 0.05}, 1.0)

    def test_a_machine_of_ours_does_not_tell_how_it_began(self, saved):
        """Its spread was given to it: it has shuffles, and what it was before cannot be made."""
        path = saved(networks.RestrictedBoltzmannMachine(5, 3, spread=0.4).state_dict())
        own = networks.read_model(path)
        drawn = networks.read_model(path, shuffle=2)
        assert list(drawn.known.groups) == ["visible", "hidden"]
        assert sorted(drawn.edges.couplings) == sorted(own.edges.couplings)
        assert facts_of(path) == ({}, 1.0)
        with pytest.raises(InputError, match="can be shuffled, not drawn anew"):
            networks.read_model(path, reinitialise=0)
        with pytest.raises(InputError, match="can be shuffled, not drawn anew"):
            get_source("model", path=str(path), reinitialise=0)

    def test_not_both(self, saved):
        with pytest.raises(InputError, match="leave out shuffle or reinitialise"):
            get_source("model", path=str(saved(NET.state_dict())), shuffle=1, reinitialise=2)

    def test_the_source_names_them(self, saved):
        source = get_source("model", path=str(saved(NET.state_dict())), layers=[0, 1])
        controls = source.controls()
        assert {role: one.instance_key for role, one in controls.items()} == {
            "before": "reinitialise",
            "null": "shuffle",
        }
        assert source.instance_key is None
        null = controls["null"]
        assert null.controls() == {}
        built = null.build(prepared_for(null))
        assert built == networks.read_model(source.path.path, layers=[0, 1], shuffle=0)
        assert "permuted at random" in null.notes()[0]

    def test_all_of_them_take_as_long_as_a_reading(self, saved):
        """By one name, so that a dry run knows all from a few."""
        path = saved(NET.state_dict())
        sources = [get_source("model", path=str(path), **how) for how in ({}, {"shuffle": 0}, {"shuffle": 7})]
        told = {source.needs()["problem"].workload({}) for source in sources}
        assert told == {Workload("ReadingModel", float(path.stat().st_size))}
        path.unlink()
        assert sources[0].needs()["problem"].workload({}) is None

    def test_they_are_of_the_file_that_was_recorded(self, saved):
        """Another file in its place is refused, as for the model itself."""
        path = saved(NET.state_dict())
        null = get_source("model", path=str(path), shuffle=0)
        saved(nn.Linear(4, 3).state_dict())
        with pytest.raises(InputError, match="no longer holds the problem that the config records"):
            null.build(prepared_for(null))


class TestShuffledSource(SourceContract):
    kind = "model"
    wrong: ClassVar = [{"shuffle": -1}, {"reinitialise": 1}]

    @pytest.fixture(autouse=True)
    def _file(self, saved):
        type(self).settings = {"path": str(saved(NET.state_dict())), "shuffle": 0, "layers": [0, 1]}
