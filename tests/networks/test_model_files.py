"""Networks and machines from files of weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qspin import networks
from qspin.errors import InputError
from qspin.registry import get_source

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
        (lambda save: save({"weight": torch.ones(2, 3, dtype=torch.complex64)}), "real floating-point"),
        (lambda save: save({"weight": torch.ones(2, 3, dtype=torch.int8)}), "real floating-point"),
        (lambda save: save({k: NET[0].weight[:3, :3] for k in ("a.weight", "b.weight")}), "share their"),
    ],
)  # fmt: skip
def test_what_is_no_network(saved, tmp_path, monkeypatch, make, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        networks.read_model(make(saved))
    assert not Path("executed").exists()


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
