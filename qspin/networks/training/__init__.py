"""One way to train every network: data sets, recipes, what is kept, and how noisy it was.

`qspin.networks.training.noise` and `qspin.networks.training.optimisers` need torch when they are imported.
"""

from qspin.networks.training.binary import bars_and_stripes, binary_digits
from qspin.networks.training.chains import train_mlp
from qspin.networks.training.datasets import DATASETS, data_set
from qspin.networks.training.examples import Examples, Part, examples_of
from qspin.networks.training.loop import Kept, torch_session, train
from qspin.networks.training.modules import train_module
from qspin.networks.training.recipe import BackDoor, Recipe
from qspin.networks.training.record import StateRecord, TrainingRecord

__all__ = [
    "DATASETS",
    "BackDoor",
    "Examples",
    "Kept",
    "Part",
    "Recipe",
    "StateRecord",
    "TrainingRecord",
    "bars_and_stripes",
    "binary_digits",
    "data_set",
    "examples_of",
    "torch_session",
    "train",
    "train_mlp",
    "train_module",
]
