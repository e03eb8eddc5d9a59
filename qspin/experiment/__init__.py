"""A YAML file in, a run folder out."""

from qspin.experiment.config.run_config import RunConfig, load_config
from qspin.experiment.forecast.dry_run import dry_run
from qspin.experiment.run import run_experiment
from qspin.experiment.run_folder import RunFolder
from qspin.showing import progress

__all__ = ["RunConfig", "RunFolder", "dry_run", "load_config", "progress", "run_experiment"]
