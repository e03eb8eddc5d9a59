"""Text that somebody else may have written imports known packages only, and calls nothing."""

from __future__ import annotations

import pytest
from conftest import qspin

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.registry import EXECUTOR, get_backend, made
from qspin.settings import imported
from qspin.trust import importing_only

PROBLEM = "schema: 2\nname: hostile\nproblems: {p: {kind: sherrington_kirkpatrick, n_spins: 4}}\n"
KNOWN = {"dimod", "dwave", "qspin", "qspin_backends"}


def member(path, **options):
    return imported(path, "embedding", key="embedding", **options)


class TestPolicy:
    def test_python_imports_what_it_likes(self):
        assert callable(member("subprocess:run"))

    @pytest.mark.parametrize("path", ["os:system", "subprocess:run", "no_such_package:run"])
    def test_other_packages_are_refused_before_they_are_imported(self, path):
        with importing_only(KNOWN), pytest.raises(InputError, match="--allow-import") as error:
            member(path)
        assert error.value.key == ("embedding",)

    def test_what_was_allowed_is_imported(self):
        with importing_only({"textwrap"}):
            assert callable(member("textwrap:dedent"))

    def test_a_known_package_is_no_way_into_another(self, monkeypatch):
        import subprocess as other

        import dimod

        monkeypatch.setattr(dimod, "run", other.run, raising=False)
        with importing_only(KNOWN), pytest.raises(InputError, match="which is subprocess:run,"):
            member("dimod:run")

    @pytest.mark.parametrize("path", ["os:system", "builtins:eval", "collections:OrderedDict", "os:environ"])
    def test_only_functions_are_functions(self, path):
        with pytest.raises(InputError, match="not a Python function"):
            member(path)


@pytest.fixture
def hostile(tmp_path):
    """Runs a command on a config with one backend; says whether a package of its folder was imported."""
    (tmp_path / "plant.py").write_text(
        "import pathlib\npathlib.Path('ran').touch()\n"
        "import dimod\nclass Sampler(dimod.ExactSolver): pass\n"
        "def finder(*_): pathlib.Path('called').touch()\n"
    )

    def run(backend, *arguments, command="run"):
        text = PROBLEM if command == "run" else PROBLEM.replace("n_spins: 4", "sizes: {n_spins: [4]}")
        (tmp_path / "c.yaml").write_text(f"{text}backends: {{b: {{{backend}}}}}\n")
        done = qspin(command, "c.yaml", *arguments, cwd=tmp_path)
        return done, sorted(p.name for p in tmp_path.iterdir() if p.name in ("ran", "called", "pwned"))

    return run


SIMULATED = "name: annealer, topology: zephyr, size: 2, n_reads: 2"


@pytest.mark.parametrize(
    "backend",
    [
        'name: ocean, sampler: "os:system", constructor: {command: touch pwned}',
        'name: ocean, sampler: "plant:Sampler"',
        f'{SIMULATED}, embedding: "plant:finder"',
        f'{SIMULATED}, unembedding: "plant:finder"',
        f'{SIMULATED}, chain_strength: "plant:finder"',
        f'{SIMULATED}, flux_biases: "plant:finder"',
    ],
)
def test_a_config_runs_no_code(hostile, backend):
    done, ran = hostile(backend)
    assert (done.returncode, ran) == (2, []), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--allow-import" in done.stderr


def test_a_benchmark_runs_none_either(hostile):
    done, ran = hostile('name: ocean, sampler: "plant:Sampler"', command="bench")
    assert (done.returncode, ran) == (2, []), done.stderr


def test_a_backend_file_runs_none_either(hostile, tmp_path):
    (tmp_path / "b.yaml").write_text('{name: ocean, sampler: "plant:Sampler"}\n')
    done, ran = hostile("name: exact", "--backend", "b.yaml")
    assert (done.returncode, ran) == (2, []), done.stderr


def test_the_flag_allows_a_package(hostile):
    done, ran = hostile('name: ocean, sampler: "plant:Sampler", n_reads: 16', "--allow-import", "plant")
    assert (done.returncode, ran) == (0, ["ran"]), done.stderr


def test_a_report_of_such_a_run_needs_no_flag(hostile, tmp_path):
    hostile('name: ocean, sampler: "plant:Sampler", n_reads: 16', "--allow-import", "plant", "--out", "run")
    (tmp_path / "ran").unlink()
    done = qspin("report", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_report_imports_nothing_of_its_config(hostile, tmp_path):
    hostile("name: exact", "--out", "run")
    text = (tmp_path / "run" / "config.yaml").read_text()
    (tmp_path / "run" / "config.yaml").write_text(
        text.replace("backends:\n", "backends:\n  o: {name: ocean, sampler: 'plant:Sampler'}\n")
    )
    done = qspin("report", "run", cwd=tmp_path)
    assert not (tmp_path / "ran").exists(), done.stderr


@pytest.mark.parametrize(
    "name", ["endpoint", "proxy", "config_file", "headers", "permissive_ssl", "base_url"]
)
def test_no_file_says_where_a_token_is_sent(name):
    given = {"sampler": "dwave.system:DWaveSampler", "constructor": {name: "https://elsewhere.example"}}
    with (
        importing_only(KNOWN),
        pytest.raises(InputError, match=f"{name!r} decides which server is sent your token") as error,
    ):
        get_backend("ocean", **given).check(IsingProblem([[0.0]]))
    assert error.value.key == ("constructor", name)


class TestClusters:
    """Job systems run the commands of their settings, and schedulers answer with pickles."""

    JOBS = {"slurm": {"cores": 1, "memory": "1GB", "python": "bash -c {touch,/tmp/x}"}}

    @pytest.mark.parametrize(
        "given", [{"scheduler": "tcp://elsewhere:8786"}, {"scheduler": JOBS, "n_workers": 1}]
    )
    def test_a_file_alone_cannot_name_one(self, given):
        pytest.importorskip("distributed")
        dask = made(EXECUTOR, "dask", given)
        with importing_only({"dimod"}), pytest.raises(InputError, match="If you trust it: --executor dask"):
            dask.check()
        with importing_only({"dimod", "dask"}):
            dask.check()
        dask.check()

    @pytest.mark.parametrize("scheduler", ["local", "tcp://127.0.0.1:8786", "tcp://localhost:8786"])
    def test_this_machine_needs_no_word(self, scheduler):
        pytest.importorskip("distributed")
        with importing_only({"dimod"}):
            made(EXECUTOR, "dask", {"scheduler": scheduler}).check()

    def test_nothing_is_written_before(self, tmp_path):
        pytest.importorskip("distributed")
        (tmp_path / "far.yaml").write_text(
            "schema: 2\nname: far\nproblems: {sk: {kind: sherrington_kirkpatrick, n_spins: 4}}\n"
            "backends: {exact: {name: exact, betas: [1.0]}}\n"
            "execution: {engine: dask, scheduler: 'tcp://elsewhere:8786'}\n"
        )
        done = qspin("run", "far.yaml", "--out", "run", cwd=tmp_path)
        assert (done.returncode, (tmp_path / "run").exists()) == (2, False)
        assert "--executor dask" in done.stderr
