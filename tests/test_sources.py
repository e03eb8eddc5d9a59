"""Every registered source keeps the contract; those that need preparations keep what they did before."""

from __future__ import annotations

import json

import networks_for_tests
import numpy as np
import pytest
import torch

import qspin
from qspin import instances, networks, registry
from qspin.errors import CapacityError, InputError, MissingExtraError
from qspin.formats.instance_file import InstanceFile
from qspin.networks.feedforward import shuffled_weights, twin_from_weights
from qspin.networks.training import StateRecord, TrainingRecord
from qspin.registry import get_source
from qspin.settings import paths_from, setting_names, settings_of
from qspin.source import Tools
from qspin.testing import SourceContract, prepared_for

GENERATED = {
    "biclique": ({"n": 2, "m": 1}, [{"n": 50}, {"m": 0}, {"couplings": "uniform"}]),
    "binary_network": ({"layers": [7, 5, 1], "load": 0.5}, [{"layers": [7, 4, 1]}, {"learned": "first"}]),
    "binary_perceptron": ({"n_spins": 7, "load": 0.5}, [{"n_spins": 8}, {"load": 0.0}, {"form": "loss"}]),
    "committee_machine": (
        {"n_inputs": 9, "n_hidden": 3, "load": 0.5},
        [{"n_hidden": 2}, {"n_inputs": 10}, {"architecture": "ring"}, {"load": -1.0}],
    ),
    "cubic_dimers": ({"shape": [1, 1, 2], "m": 2}, [{"shape": [1, 1, 13]}, {"shape": 3}]),
    "dense_memory": ({"n_spins": 5, "n_patterns": 2}, [{"degree": 5}, {"n_spins": 400}, {"n_patterns": 0}]),
    "diamond": ({"shape": [2, 1, 2]}, [{"shape": [2, 2]}, {"periodic": [True]}, {"couplings": "uniform"}]),
    "edwards_anderson": ({"shape": [3, 4]}, [{"shape": [2, 2, 2, 2]}, {"periodic": "maybe"}]),
    "hopfield": ({"n_spins": 12, "n_patterns": 2}, [{"n_patterns": -1}, {"n_spins": 10**7}]),
    "in_context": (
        {"dimension": 3, "length": 4, "n_tasks": 5},
        [{"dimension": 0}, {"n_tasks": 10**12}, {"noise": -1.0}, {"scale": 0.0}],
    ),
    "lattice_ferromagnet": ({"shape": [3, 3]}, [{"shape": []}]),
    "mattis": ({"n_spins": 8}, [{"n_spins": 0}]),
    "maxcut_regular": ({"n_spins": 10, "degree": 3}, [{"degree": 10}, {"n_spins": 5}]),
    "pegasus": ({"m": 2}, [{"m": 10**5}]),
    "pseudo_inverse": ({"n_spins": 10, "n_patterns": 4}, [{"n_patterns": 0}, {"n_spins": 10**7}]),
    "random_feature_training": (
        {"n_inputs": 4, "n_features": 6, "n_samples": 5},
        [{"activation": "gelu"}, {"n_samples": 0}, {"noise": -1.0}, {"n_features": 10**6}],
    ),
    "random_features": (
        {"n_inputs": 4, "n_features": 6, "n_samples": 5},
        [{"teacher": "deep"}, {"ridge": -1.0}, {"scale": "half"}, {"n_inputs": 10**10}],
    ),
    "sherrington_kirkpatrick": ({"n_spins": 8}, [{"n_spins": "six"}, {"seed": -1}]),
    "storkey": ({"n_spins": 10, "n_patterns": 4}, [{"n_patterns": 0}, {"n_spins": 10**7}]),
    "symmetric_perceptron": ({"n_spins": 8, "load": 0.5}, [{"kappa": -1.0}, {"load": float("nan")}]),
    "wishart": ({"n_spins": 10, "alpha": 0.5}, [{"alpha": float("nan")}, {"alpha": 0.01}]),
    "zephyr": ({"m": 1}, [{"couplings": 3}]),
}
MLP = {"layers": [12, 3, 3], "dataset": "digits_small", "epochs": 2, "learning_rate": 0.01}

for name, (given, refused) in GENERATED.items():
    globals()[f"Test{name.title().replace('_', '')}"] = type(
        f"Test{name}", (SourceContract,), {"kind": name, "settings": given, "wrong": refused}
    )


class TestMlp(SourceContract):
    kind = "mlp"
    settings = MLP
    wrong = ({"layers": [64, 10]}, {"epoch": 3}, {"shuffle_seed": 1}, {"layers": [12]}, {"epochs": 10**12})


class TestShuffledMlp(SourceContract):
    kind = "mlp"
    settings = {**MLP, "shuffle": True, "biases": True, "scale": "none", "epoch": 1}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("instances") / "glass.npz"
    qspin.write_problem(instances.mattis(6, seed=1), path)
    return path


class TestFile(SourceContract):
    kind = "file"
    wrong = ({"path": "/nowhere/glass.npz"}, {"format": "rudi"}, {"path": 3})

    @pytest.fixture(autouse=True)
    def _beside(self, file):
        type(self).settings = {"path": str(file)}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "net.pt"
    torch.save(
        torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)).state_dict(), path
    )
    return path


class TestModel(SourceContract):
    kind = "model"
    wrong = ({"path": "/nowhere/net.pt"}, {"layers": [7]}, {"scale": "half"}, {"max_spins": 0})

    @pytest.fixture(autouse=True)
    def _beside(self, model):
        type(self).settings = {"path": str(model), "layers": [0, "2"], "max_spins": 6}


class TestNetwork(SourceContract):
    kind = "network"
    settings = {"module": "networks_for_tests:small", "input_shape": [1, 4, 4], "init_seed": 3}
    wrong = (
        {"module": "networks_for_tests:none"},
        {"module": "networks_for_tests:wants"},
        {"module": "networks_for_tests:number"},
        {"input_shape": [4]},
        {"shuffle_seed": 1},
        {"layers": [9]},
    )


class TestShuffledNetwork(SourceContract):
    kind = "network"
    settings = {**TestNetwork.settings, "shuffle": True, "max_spins": 9}


TRAINED = {
    "module": "networks_for_tests:coarse",
    "input_shape": [1, 4, 3],
    "dataset": "digits_small",
    "epochs": 2,
    "epochs_kept": "logarithmic",
    "n_samples": 100,
}


class TestTrained(SourceContract):
    kind = "trained"
    settings = TRAINED
    wrong = (
        {"module": "networks_for_tests:none"},
        {"module": "networks_for_tests:small"},
        {"input_shape": [3]},
        {"epoch": 3},
        {"shuffle_seed": 1},
        {"layers": [9]},
        {"n_samples": 500},
        {"epochs": 10**12, "epochs_kept": "all"},
    )


class TestShuffledTrained(SourceContract):
    kind = "trained"
    settings = {**TRAINED, "shuffle": True, "biases": True, "max_spins": 12, "epoch": 1}


BOLTZMANN = {"size": 2, "hidden": 3, "epochs": 4, "learning_rate": 0.05}


class TestBoltzmann(SourceContract):
    kind = "boltzmann"
    settings = BOLTZMANN
    wrong = (
        {"dataset": "bars"},
        {"dataset": "digits"},
        {"size": 11},
        {"epoch": 3},
        {"epoch": 5},
        {"epochs_kept": [9]},
        {"epochs_kept": []},
        {"sampler": "exact", "size": 5, "hidden": 30},
        {"epochs": 10**12, "epochs_kept": "all"},
    )


class TestGaussianBoltzmann(SourceContract):
    kind = "boltzmann"
    settings = {**BOLTZMANN, "hidden_units": "gaussian", "units": "bits", "sampler": "exact", "epoch": 2}


class TestSpoiltMlp(SourceContract):
    kind = "mlp"
    settings = {
        **MLP,
        "backdoor": {"pixels": [0, 2], "label": 1},
        "label_noise": 0.1,
        "optimiser": "langevin",
        "temperature": 0.01,
        "epochs_kept": [1, 2],
        "noise": True,
    }
    wrong = ({"epoch": 0}, {"temperature": 0.0}, {"backdoor": {"pixels": [12]}})


class TestClampedGenerator(SourceContract):
    kind = "hopfield"
    settings = {"n_spins": 12, "n_patterns": 2, "clamp": {"0": 1, "5": -1}}
    wrong = ({"clamp": {"12": 1}}, {"clamp": {"0": 0}}, {"clamp": {str(k): 1 for k in range(12)}})


class TestClampedMlp(SourceContract):
    kind = "mlp"
    settings = {**MLP, "clamp": {"0:3": 1}}
    wrong = ({"clamp": {"3": 1}},)


def test_every_source_keeps_the_contract():
    kept = {own.kind for own in globals().values() if isinstance(own, type) and hasattr(own, "kind")}
    assert kept == set(registry.names(registry.SOURCE))


class TestGenerators:
    def test_settings_are_the_parameters(self):
        source = get_source("edwards_anderson", shape=[3, 4], couplings="bimodal", seed=5)
        assert source.build({}) == instances.edwards_anderson((3, 4), couplings="bimodal", seed=5)
        assert setting_names(type(source)) == ["shape", "couplings", "periodic", "seed"]

    def test_the_seed_of_an_instance_defaults_to_0(self):
        assert get_source("mattis", n_spins=5).build({}) == instances.mattis(5, seed=0)

    def test_what_they_know_comes_with_the_problem(self):
        known = get_source("wishart", n_spins=10, alpha=0.5).build({}).known
        assert known.ground_energy == pytest.approx(float(known.ground_energy))
        assert known.ground_states.shape == (2, 10)


class TestTwins:
    @pytest.fixture(scope="class")
    def prepared(self):
        return prepared_for(get_source("mlp", **MLP))

    def twin(self, prepared, **changes):
        return get_source("mlp", **{**MLP, **changes}).build(prepared)

    def test_they_are_those_of_the_weights_at_an_epoch(self, prepared):
        record = TrainingRecord.of(prepared["training"].arrays)
        for epoch, at in ((None, 2), (0, 0), (1, 1)):
            weights, biases = record.at(at)
            assert self.twin(prepared, epoch=epoch) == twin_from_weights(weights)
            assert self.twin(prepared, epoch=epoch, biases=True) == twin_from_weights(weights, biases)
            assert self.twin(prepared, epoch=epoch, scale="none") == twin_from_weights(weights, scale="none")

    def test_shuffled_ones_keep_their_weights_without_their_places(self, prepared):
        weights, _ = TrainingRecord.of(prepared["training"].arrays).at(2)
        first, other = (self.twin(prepared, shuffle=True, shuffle_seed=k) for k in (0, 1))
        assert first == twin_from_weights(shuffled_weights(weights, seed=MLP.get("seed", 0) + 1))
        assert first != other
        for twin in (first, other):
            for layer in range(2):
                own, whole = (
                    np.sort(
                        p.toarray()[
                            np.ix_(*(p.known.groups[f"layer {k}"] for k in (layer, layer + 1)))
                        ].ravel()
                    )
                    for p in (twin, self.twin(prepared))
                )
                np.testing.assert_allclose(own, whole)

    def test_one_training_serves_all_that_share_it(self):
        sources = [
            get_source("mlp", **MLP, **changes)
            for changes in ({}, {"epoch": 0}, {"shuffle": True, "shuffle_seed": 7}, {"biases": True})
        ]
        assert len({json.dumps(s.needs()["training"].identity()) for s in sources}) == 1
        assert len({json.dumps(s.identity()) for s in sources}) == 4
        other = get_source("mlp", **{**MLP, "seed": 1}).needs()["training"]
        assert other.identity() != sources[0].needs()["training"].identity()

    def test_trainings_of_earlier_recipes_keep_their_keys(self):
        source = get_source("mlp", layers=[64, 32, 10], epochs=50, epoch=3, shuffle=True)
        training = {
            "layers": [64, 32, 10],
            "dataset": "digits",
            "epochs": 50,
            "learning_rate": 0.001,
            "batch_size": 64,
            "seed": 0,
        }
        spins = {"epoch": 3, "shuffle": True, "shuffle_seed": 0, "biases": False, "scale": "critical"}
        assert source.needs()["training"].identity() == {"kind": "MlpTraining", "version": 1, **training}
        assert source.identity() == {**training, **spins}

    @pytest.mark.parametrize(
        "changes",
        [
            {"optimiser": "sgd"},
            {"weight_decay": 0.1},
            {"n_samples": 20},
            {"label_noise": 0.2},
            {"backdoor": {"pixels": [1]}},
            {"epochs_kept": "logarithmic"},
            {"noise": True},
        ],
    )
    def test_every_new_setting_decides(self, changes):
        one, other = get_source("mlp", **MLP), get_source("mlp", **MLP, **changes)
        assert one.identity() != other.identity()
        assert one.needs()["training"].identity() != other.needs()["training"].identity()

    def test_the_last_epoch_is_the_last_by_either_name(self):
        assert get_source("mlp", **MLP).identity() == get_source("mlp", **MLP, epoch=2).identity()

    def test_curves_are_over_epochs(self, prepared):
        curves = prepared["training"].curves
        assert set(curves) == {"loss_train", "loss_test", "accuracy_train", "accuracy_test"}
        assert curves["epoch"].values.tolist() == [0, 1, 2]

    def test_instances_are_draws_of_a_control_or_trainings(self):
        assert get_source("mlp", **MLP).instance_key == "seed"
        assert get_source("mlp", **MLP, shuffle=True).instance_key == "shuffle_seed"

    def test_controls(self):
        trained = get_source("mlp", **MLP, biases=True)
        controls = trained.controls()
        assert controls["before"] == get_source("mlp", **MLP, biases=True, epoch=0)
        assert controls["null"] == get_source("mlp", **MLP, biases=True, shuffle=True)
        assert controls["before"].controls() == controls["null"].controls() == {}

    def test_without_epoch_0_there_is_no_network_before(self):
        assert list(get_source("mlp", **MLP, epochs_kept=[1, 2]).controls()) == ["null"]

    def test_any_module_is_one(self):
        """Its twin is that of the module with the state of the epoch."""
        source = get_source("trained", **TRAINED, biases=True)
        prepared = prepared_for(source)
        states = StateRecord.of(prepared["training"].arrays)
        module = networks_for_tests.coarse()
        for epoch in (0, 1, 2):
            module.load_state_dict({k: torch.as_tensor(v) for k, v in states.at(epoch).items()})
            expected = networks.twin(module.eval(), input_shape=(1, 4, 3), biases=True)
            assert get_source("trained", **TRAINED, biases=True, epoch=epoch).build(prepared) == expected
        assert source.needs()["training"].title == "training coarse on digits_small (n_samples 100)"
        assert prepared["training"].curves["epoch"].values.tolist() == [0, 1, 2]
        other = get_source("trained", **{**TRAINED, "module": "networks_for_tests:coarse_too"})
        with pytest.raises(InputError, match="does not fit the module any more: .*size mismatch"):
            other.build(prepared)

    def test_title_and_notes(self):
        source = get_source("mlp", layers=[64, 32, 10])
        assert source.needs()["training"].title == "training 64-32-10 on digits"
        assert any("every neuron is a spin" in note for note in source.notes())
        assert any("critical temperature" in note for note in source.notes())
        assert not any("critical" in note for note in get_source("mlp", **MLP, scale="none").notes())

    def test_an_outline_trains_nothing(self, monkeypatch):
        monkeypatch.setattr("qspin.networks.training.sources.train_mlp", None)
        outline = get_source("mlp", layers=[64, 2000, 10], epochs=3).outline()
        assert outline.n_spins == 2074
        with pytest.raises(CapacityError, match="weights in .* epochs"):
            get_source("mlp", layers=[64, 2000, 10], epochs=10**9).outline()
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match="training a network"):
            get_source("mlp", layers=[64, 10]).outline()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"epoch": 3}, "mlp: epoch 3 lies after the last of 2 epochs"),
            ({"epoch": -1}, "mlp: epoch: .*greater than or equal to 0; got -1"),
            ({"shuffle_seed": 3}, "mlp: shuffle_seed is of shuffled weights; set shuffle: true"),
            ({"layers": [12, 0, 3]}, "mlp: layers.1: .*greater than 0; got 0"),
            ({"dataset": "digit"}, "mlp: dataset: no data set 'digit': did you mean 'digits'"),
            ({"epochs_kept": [0, 1]}, r"mlp: epoch 2 is none of epochs_kept, \[0, 1\]"),
            ({"layer": [12, 3]}, "mlp has no setting 'layer': did you mean 'layers'"),
            ({"scale": "all"}, "mlp: scale: .*; got 'all'"),
        ],
    )
    def test_wrong_settings(self, changes, message):
        with pytest.raises(InputError, match=message):
            get_source("mlp", **{**MLP, **changes})

    def test_layers_that_do_not_fit_the_data(self):
        with pytest.raises(InputError, match=r"layers must read \[64, \.\.\., 10\]; got \[12, 3, 3\]"):
            get_source("mlp", layers=[12, 3, 3]).outline()

    def test_what_is_no_training_is_refused(self, prepared):
        broken = {name: array for name, array in prepared["training"].arrays.items() if name != "biases_1"}
        with pytest.raises(InputError, match="no whole record of a training: it has no 'biases_1'"):
            self.twin({"training": type(prepared["training"])(broken)})


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path):
        qspin.write_problem(instances.wishart(6, 0.8, seed=1), tmp_path / "glass.npz")
        return tmp_path / "glass.npz"

    def test_places_and_formats_do_not_decide_and_contents_do(self, path, tmp_path):
        glass = instances.sherrington_kirkpatrick(5, seed=1)
        qspin.write_problem(glass, tmp_path / "one.npz")
        qspin.write_problem(glass, tmp_path / "other.coo")
        one, other, third = (
            get_source("file", path=tmp_path / name) for name in ("one.npz", "other.coo", path)
        )
        assert one.identity() == other.identity() != third.identity()
        keys = [source.needs()["problem"].identity() for source in (one, other, third)]
        assert keys[0] == keys[1] != keys[2]
        assert one.build(prepared_for(other)) == glass

    def test_everything_that_is_known_is_kept(self, path):
        source = get_source("file", path=str(path))
        known = source.build(prepared_for(source)).known
        np.testing.assert_array_equal(
            known.ground_states, instances.wishart(6, 0.8, seed=1).known.ground_states
        )

    def test_relative_paths_start_at_the_folder_of_the_config(self, path, tmp_path):
        with paths_from(tmp_path):
            source = get_source("file", path="glass.npz")
        assert settings_of(source)["path"]["path"] == str(path)

    def test_a_file_that_is_gone_is_no_loss_where_it_was_read(self, path):
        prepared = prepared_for(get_source("file", path=str(path)))
        recorded = settings_of(get_source("file", path=str(path)))
        problem = qspin.read_problem(path)
        path.unlink()
        source = get_source("file", **recorded)
        assert source.build(prepared) == problem
        outline = source.outline()
        assert (outline.n_spins, outline.n_couplings) == (6, 1)
        assert outline.known.ground_energy is not None
        with pytest.raises(InputError, match="cannot read"):
            source.needs()["problem"].make(Tools())
        with pytest.raises(InputError, match="file: cannot read"):
            get_source("file", path=str(path))

    def test_a_changed_file_is_refused_where_its_problem_was_recorded(self, path):
        source = get_source("file", path=str(path))
        qspin.write_problem(instances.sherrington_kirkpatrick(6, seed=2), path)
        for look in (source.outline, lambda: source.needs()["problem"].make(Tools())):
            with pytest.raises(InputError, match=r"glass\.npz no longer holds the problem that .* records"):
                look()
        assert get_source("file", path=str(path)).outline() == qspin.read_problem(path)

    def test_an_outline_that_is_remembered_tells_what_is_known(self, tmp_path):
        for k, problem in enumerate([
            instances.biclique(2, m=1, seed=1), instances.hopfield(6, 2, seed=1),
            instances.edwards_anderson((3, 3), seed=1), qspin.IsingProblem([[0.0]]),
        ]):  # fmt: skip
            path = tmp_path / f"{k}.npz"
            qspin.write_problem(problem, path)
            source = get_source("file", path=str(path))
            path.unlink()
            known, told = (None if p.known is None else p.known.facts() for p in (problem, source.outline()))
            for name in ("ground_energy", "groups", "patterns"):
                assert ((told or {}).get(name) is None) == ((known or {}).get(name) is None)
            assert source.outline().n_spins == problem.n_spins

    def test_its_title_names_the_file(self, path):
        assert get_source("file", path=str(path)).needs()["problem"].title == "reading glass.npz"
        assert get_source("file", path=str(path)).instance_key is None

    def test_other_settings_are_refused(self, path):
        with pytest.raises(InputError, match="file has no setting 'digest'"):
            get_source("file", path=str(path), digest="1")
        with pytest.raises(InputError, match="file: no format 'rudi': did you mean 'rudy'"):
            get_source("file", path=str(path), format="rudi")
        with pytest.raises(InputError, match="file: path: should be the path of a file; got 3"):
            InstanceFile(path=3)
