from __future__ import annotations

import importlib
import re
import sys
import textwrap

import pytest

import qspin
from qspin import registry
from qspin.errors import InputError, MissingExtraError, install_command


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution that registers backends or others, for the time of one test."""

    def installed(
        distribution: str, entry_points: dict[str, str], group: str = "qspin.backends", **modules: str
    ) -> None:
        info = tmp_path / distribution / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
        for name, source in modules.items():
            (tmp_path / distribution / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(tmp_path / distribution))
        importlib.invalidate_caches()
        registry._third_party.cache_clear()

    yield installed
    monkeypatch.undo()
    registry._third_party.cache_clear()


UP = """
    import numpy as np
    from qspin.sampler import run_info
    from qspin.samples import SampleSet

    class Up:
        def __init__(self, n_replicas=2):
            self.n_replicas = n_replicas
        def sample(self, problem, *, seed=None):
            spins = np.ones((1, self.n_replicas, 1, problem.n_spins))
            return SampleSet.from_spins(problem, spins, info=run_info(self, seed or 0))
"""


def test_a_third_party_is_found_by_its_entry_point(install, glass):
    install("qspin-up", {"up": "qspin_up:Up"}, qspin_up=UP)
    assert qspin.available_backends()["up"] == "ready"
    samples = qspin.get_backend("up", n_replicas=3).sample(glass)
    assert samples.spins.shape == (1, 3, 1, 10)


def test_settings_of_a_plain_class_are_refused_by_name_too(install):
    install("qspin-up", {"up": "qspin_up:Up"}, qspin_up=UP)
    with pytest.raises(InputError, match="up has no setting 'n_replica': did you mean 'n_replicas'"):
        qspin.get_backend("up", n_replica=3)


def test_a_name_taken_by_qspin_is_an_error(install):
    install("qspin-rival", {"exact": "qspin_up:Up"})
    with pytest.raises(
        InputError, match="'exact' is registered twice, by qspin and by package 'qspin-rival'"
    ):
        qspin.get_backend("tempering")


def test_a_name_taken_twice_is_an_error(install):
    install("qspin-one", {"up": "one:Up"})
    install("qspin-two", {"up": "two:Up"})
    with pytest.raises(
        InputError, match="'up' is registered twice, by package 'qspin-.*' and by package 'qspin-"
    ):
        qspin.available_backends()


def test_a_broken_third_party_does_not_break_the_others(install):
    install("qspin-broken", {"broken": "no_such_module:Backend"})
    states = qspin.available_backends()
    assert "cannot be imported: No module named 'no_such_module'" in states["broken"]
    assert states["exact"] == "ready"
    with pytest.raises(InputError, match="'broken' of package 'qspin-broken' cannot be imported"):
        qspin.get_backend("broken")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def broken(:\n", "cannot be imported: SyntaxError: "),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)\n", "cannot be imported: SystemExit: 0"),
        ("Backend = 5\n", "is no class with a method sample"),
        ("class Backend: ...\n", "is no class with a method sample"),
    ],
)
def test_a_third_party_may_break_in_any_way(install, source, message):
    install("qspin-broken", {"broken": "qspin_broken:Backend"}, qspin_broken=source)
    sys.modules.pop("qspin_broken", None)
    states = qspin.available_backends()
    assert message in states["broken"]
    assert len(states["broken"].splitlines()) == 1
    assert states["exact"] == "ready"
    with pytest.raises(InputError, match="backend 'broken' of package 'qspin-broken'"):
        qspin.get_backend("broken")


def test_a_third_party_that_refuses_its_settings_is_told_in_one_line(install):
    source = UP.replace("self.n_replicas = n_replicas", "raise TypeError('n_replicas\\nis wrong')")
    install("qspin-picky", {"up": "qspin_picky:Up"}, qspin_picky=source)
    with pytest.raises(InputError, match="'up' cannot be made with these settings: TypeError: n_replicas is"):
        qspin.get_backend("up", n_replicas=3)


def test_a_missing_extra_names_the_command(monkeypatch):
    monkeypatch.setattr(registry, "_installed", lambda module: False)
    command = install_command("dwave")
    assert qspin.available_backends()["ocean"] == f"needs dwave.samplers: {command}"
    with pytest.raises(MissingExtraError, match=re.escape(f"install it with: {command}")):
        qspin.get_backend("ocean")


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(
        InputError, match="no backend 'tempring': did you mean 'tempering'\\? Valid names: annealer, exact"
    ):
        qspin.get_backend("tempring")


def test_settings_of_a_plain_class_count_in_a_run(install, tmp_path):
    """Its class declares no fields, so what the config says is all that is known, and none of it is lost."""
    from qspin.experiment import RunFolder, run_experiment
    from qspin.experiment.config.run_config import config_from_plain

    install("qspin-up", {"up": "qspin_up:Up"}, qspin_up=UP)
    config = config_from_plain(
        {
            "schema": 2,
            "name": "x",
            "problems": {"a": {"kind": "mattis", "n_spins": 3}},
            "backends": {"two": {"name": "up"}, "five": {"name": "up", "n_replicas": 5}},
            "studies": {"time_to_solution": {}},
        }
    )
    run_experiment(config, RunFolder(tmp_path / "run"))
    folder = RunFolder.open(tmp_path / "run")
    sizes = {label: folder.samples("a", label).spins.sizes["replica"] for label in ("two", "five")}
    assert sizes == {"two": 2, "five": 5}


KINDS = {kind.name: kind for kind in registry.kinds().values()}
CLASSES = {
    "source": "qspin.source import Source as Base, settings",
    "measure": "qspin.measure import Measure as Base, settings",
    "study": "qspin.study import Study as Base, settings",
    "executor": "qspin.engine.in_process import InProcess as Base\nfrom qspin.executor import settings",
}


@pytest.mark.parametrize("name", CLASSES)
class TestOtherKinds:
    """Sources, measures, studies and executors of third parties, as backends."""

    def module(self, name, body):
        return f"from {CLASSES[name]}\n{body}"

    def install(self, install, name, source):
        install("qspin-theirs", {"theirs": "qspin_theirs:Theirs"}, KINDS[name].group, qspin_theirs=source)
        sys.modules.pop("qspin_theirs", None)
        return KINDS[name]

    def test_one_is_found_by_its_entry_point(self, install, name):
        source = self.module(name, "@settings\nclass Theirs(Base):\n    width: int = 3\n")
        kind = self.install(install, name, source)
        assert "theirs" in registry.names(kind)
        assert registry.available(kind)["theirs"] == "ready"
        assert registry.made(kind, "theirs", {"width": 4}).width == 4
        with pytest.raises(InputError, match="no setting 'widht': did you mean 'width'"):
            registry.made(kind, "theirs", {"widht": 4})

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("Theirs = 5\n", "is no class with a method"),
            ("class Theirs: ...\n", "is no class with a method"),
            ("class Theirs(Base): ...\n", "declares no frozen settings"),
            ("1 / 0\n", "cannot be imported: ZeroDivisionError"),
        ],
    )
    def test_one_that_fails_its_contract_is_told_when_it_is_imported(self, install, name, body, message):
        if name == "executor" and "class Theirs(Base)" in body:
            pytest.skip("its base here has settings of its own")
        kind = self.install(install, name, self.module(name, body))
        with pytest.raises(InputError, match=f"{name} 'theirs' of package 'qspin-theirs' .*{message}"):
            registry.class_of(kind, "theirs")
        states = registry.available(kind)
        assert message in states["theirs"]
        assert {state for own, state in states.items() if own != "theirs"} <= {"ready"}

    def test_a_wrong_name_lists_the_right_ones(self, name):
        right = registry.names(KINDS[name])[0]
        with pytest.raises(InputError, match=f"no {name} '{right}x': did you mean '{right}'"):
            registry.class_of(KINDS[name], f"{right}x")


def test_a_broken_study_of_a_third_party_costs_no_other_run(install):
    from qspin.experiment.config.studies import studies_of

    install("qspin-broken", {"broken": "no_such_module:Study"}, "qspin.studies")
    with pytest.warns(RuntimeWarning, match="study 'broken' is left out: .*cannot be imported"):
        found = studies_of(None)
    assert "overlaps" in found
    with pytest.raises(InputError, match="'broken' of package 'qspin-broken' cannot be imported"):
        studies_of({"broken": None})


def test_a_generator_of_a_third_party_becomes_a_source(install):
    source = """
        from qspin import IsingProblem

        def pair(coupling: float = 1.0, seed: int = 0) -> IsingProblem:
            return IsingProblem([[0.0, coupling], [coupling, 0.0]])

        def untyped(coupling): ...
    """
    entries = {"pair": "qspin_pair:pair", "untyped": "qspin_pair:untyped"}
    install("qspin-pair", entries, "qspin.sources", qspin_pair=source)
    assert qspin.registry.get_source("pair", coupling=2.0).build({}).edges.couplings.tolist() == [2.0]
    with pytest.raises(InputError, match="parameter 'coupling' of its generator needs a type"):
        registry.get_source("untyped")
