"""The source of any torch module."""

from __future__ import annotations

import networks_for_tests
import numpy as np
import pytest
import torch

from qspin import networks
from qspin.errors import InputError
from qspin.registry import get_source

GIVEN = {"module": "networks_for_tests:small", "input_shape": [1, 4, 4]}


def built(**settings):
    return get_source("network", **GIVEN, **settings).build({})


def test_it_is_the_twin_of_the_module_with_its_weights(tmp_path):
    torch.manual_seed(5)
    module = networks_for_tests.small()
    torch.save(module.state_dict(), tmp_path / "net.pt")
    expected = networks.twin(module, input_shape=(1, 4, 4), biases=True)
    state = torch.random.get_rng_state()
    assert built(weights=str(tmp_path / "net.pt"), biases=True) == expected
    assert built(init_seed=5, biases=True) == expected
    assert built(init_seed=6, biases=True) != expected
    assert torch.equal(torch.random.get_rng_state(), state)


def test_controls_keep_the_values_or_the_module(tmp_path):
    torch.save(networks_for_tests.small().state_dict(), tmp_path / "net.pt")
    source = get_source("network", **GIVEN, weights=str(tmp_path / "net.pt"), scale="none")
    controls = source.controls()
    assert controls["before"].build({}) == built(scale="none")
    trained, shuffled = source.build({}).toarray(), controls["null"].build({}).toarray()
    np.testing.assert_allclose(np.sort(trained, axis=None), np.sort(shuffled, axis=None))
    assert not np.array_equal(trained, shuffled)
    assert controls["null"].instance_key == "shuffle_seed"


def test_weights_of_another_module(tmp_path):
    torch.save(torch.nn.Linear(3, 2).state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="do not fit networks_for_tests:small: .*Missing key"):
        built(weights=str(tmp_path / "net.pt"))
