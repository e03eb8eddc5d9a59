"""Restricted Boltzmann machines with the habits of scikit-learn: a transformer and a classifier."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from qspin.errors import InputError, nearest_name, shown
from qspin.networks.boltzmann.enumeration import can_enumerate
from qspin.networks.boltzmann.fitting import NegativePhase, fit_boltzmann
from qspin.networks.boltzmann.generation import sample
from qspin.networks.boltzmann.likelihood import LogLikelihood, log_likelihood
from qspin.networks.boltzmann.machines import RestrictedBoltzmannMachine, UnitName, generator_of
from qspin.networks.boltzmann.machines.accepted import checked_device
from qspin.networks.boltzmann.machines.units import units_of
from qspin.sampler import Sampler
from qspin.validate import checked_count, checked_real

__all__ = ["BoltzmannClassifier", "BoltzmannTransformer"]

_METHODS = ("auto", "exact", "ais", "tempering")
_EXACT_UNITS = 20  # up to which ``auto`` takes an exact sum: a second or two
_MOST_ROWS = 1_000  # of training data that are kept: annealed importance sampling starts from their means


class _Restricted(BaseEstimator):  # type: ignore[misc]
    """What the two share: settings, data in units, training, likelihood."""

    def __init__(
        self,
        n_components: int = 64,
        *,
        learning_rate: float = 0.02,
        batch_size: int = 100,
        n_iter: int = 10,
        sampler: str | Sampler | NegativePhase = "pcd",
        units: UnitName = "bits",
        threshold: Literal["auto"] | float | None = "auto",
        weight_decay: float = 0.0,
        likelihood: Literal["auto", "exact", "ais", "tempering"] = "auto",
        device: str = "cpu",
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.sampler = sampler
        self.units = units
        self.threshold = threshold
        self.weight_decay = weight_decay
        self.likelihood = likelihood
        self.device = device
        self.random_state = random_state

    machine_: RestrictedBoltzmannMachine
    thresholds_: NDArray[np.float64] | None

    @property
    def components_(self) -> NDArray[np.floating]:
        """Weights (n_components, n_visible)."""
        return _array(self._fitted.weights.T)

    @property
    def intercept_hidden_(self) -> NDArray[np.floating]:
        """Biases of hidden units (n_components,)."""
        return _array(self._fitted.hidden_biases)

    @property
    def intercept_visible_(self) -> NDArray[np.floating]:
        """Biases of visible units (n_visible,)."""
        return _array(self._fitted.visible_biases)

    @property
    def log_likelihood_(self) -> LogLikelihood:
        """Of the data that it was trained with, at most a thousand rows; found when it is first asked for."""
        check_is_fitted(self)
        if self._likelihood is None:
            method = self._method
            if method == "auto":
                method = "exact" if can_enumerate(self.machine_, _EXACT_UNITS) else "ais"
            self._likelihood = log_likelihood(self.machine_, self._rows, method, seed=self._seed)
        return self._likelihood

    _likelihood: LogLikelihood | None
    _rows: NDArray[np.int8]
    _method: Any
    _seed: int

    @property
    def _fitted(self) -> RestrictedBoltzmannMachine:
        if not hasattr(self, "machine_"):  # an AttributeError, as of any attribute that fit makes
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return self.machine_

    def _trained(self, visible: NDArray[np.int8], dtype: Any) -> None:
        """Train a new machine with visible units (n, n_visible)."""
        n_hidden = checked_count(self.n_components, "n_components", least=1)
        batch = checked_count(self.batch_size, "batch_size", least=1)
        n_steps = checked_count(self.n_iter, "n_iter", least=1) * -(-len(visible) // batch)
        if self.likelihood not in _METHODS:
            raise InputError(
                f"likelihood {self.likelihood!r}: {nearest_name(str(self.likelihood), _METHODS)}"
            )
        seed = _seed_of(self.random_state)
        device = checked_device(self.device)
        precision = torch.float32 if dtype == np.float32 else torch.float64
        machine = RestrictedBoltzmannMachine(
            visible.shape[1], n_hidden, self.units, seed=seed, dtype=precision
        ).to(device)
        fit = fit_boltzmann(
            machine, visible, self.sampler, seed=seed, n_steps=n_steps, batch_size=batch,
            learning_rate=self.learning_rate, weight_decay=self.weight_decay, likelihood="none",
        )  # fmt: skip
        self.machine_, self.curves_, self.remarks_ = machine, fit.curves, fit.remarks
        self._seed, self._method, self._likelihood = seed, self.likelihood, None
        self._rows = visible[:_MOST_ROWS]

    def _binarised(self, X: NDArray[Any], *, is_new: bool) -> NDArray[np.int8]:
        """Values of the units (n, n_features); at a fit the thresholds are found."""
        units = units_of(self.units)
        if is_new:
            self.thresholds_ = self._thresholds(X)
        if self.thresholds_ is not None:
            return np.where(self.thresholds_ < X, 1, units.low).astype(np.int8)
        if (wrong := (units.low != X) & (X != 1)).any():
            raise InputError(
                f"X must be {units.told}, as units={self.units!r} takes it"
                f"{'' if self.threshold is None else ' and the data of fit were'}; got {X[wrong][0]:g}: pass "
                "threshold=0.5, or another number above which a value counts as 1"
            )
        return X.astype(np.int8)

    def _thresholds(self, X: NDArray[Any]) -> NDArray[np.float64] | None:
        if self.threshold is None:
            return None
        if isinstance(self.threshold, str):
            if self.threshold != "auto":
                raise InputError(f"threshold is a number, 'auto' or None; got {shown(self.threshold)}")
            low = units_of(self.units).low
            return None if np.isin(X, (low, 1)).all() else X.mean(axis=0, dtype=np.float64)
        return np.full(X.shape[1], checked_real(self.threshold, "threshold"))

    def _checked(self, X: ArrayLike, **settings: Any) -> NDArray[Any]:
        found: NDArray[Any] = validate_data(self, X, dtype=(np.float64, np.float32), **settings)
        return found

    def _visible(self, X: ArrayLike) -> Tensor:
        """Features of new data as values of the units, where the machine is."""
        check_is_fitted(self)
        values = self._binarised(self._checked(X, reset=False), is_new=False)
        like = self.machine_.like
        return torch.as_tensor(values).to(like.device, like.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        sampler: str | Sampler = "gibbs",
        n_sweeps: int | None = None,
        random_state: Any = None,
    ) -> NDArray[np.int8]:
        """Features drawn from the machine (n_samples, n_features), as values of its units.

        Parameters
        ----------
        n_samples, sampler, n_sweeps : see `qspin.networks.boltzmann.sample`
        random_state : default that of the estimator
        """
        check_is_fitted(self)
        seed = _seed_of(self.random_state if random_state is None else random_state)
        drawn = sample(self.machine_, n_samples, sampler, seed=seed, n_sweeps=n_sweeps)
        return _array(drawn[:, : self.n_features_in_]).astype(np.int8)


class BoltzmannTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Restricted):  # type: ignore[misc]
    """A restricted Boltzmann machine whose hidden units describe data, after scikit-learn's `BernoulliRBM`.

    Real data become values of the units by a threshold. Likelihoods are those of the model, normalised by
    ln Z; never pseudo-likelihoods.

    Parameters
    ----------
    n_components : hidden units
    learning_rate : of Adam
    batch_size : rows of a step
    n_iter : passes through the data
    sampler : the negative phase: ``pcd``, ``cd``, ``exact``, a backend or a phase; see `fit_boltzmann`
    units : ``bits`` (0 and 1) or ``spins`` (-1 and +1)
    threshold : a number: values above it are 1, all others the lower value of the units; ``auto``: data that
        are values of the units are taken as they are, all others by whether they lie above the mean of their
        column in the data of `fit` (`thresholds_`); None: only values of the units are taken
    weight_decay : of the weights; see `fit_boltzmann`
    likelihood : how ln Z is found, see `log_likelihood`; ``auto``: exact up to 2^20 configurations, else
        ``ais``
    device : of the machine, as torch names it
    random_state : seed or generator of scikit-learn; an integer gives the same machine again

    Attributes
    ----------
    machine_ : `RestrictedBoltzmannMachine`, with the precision of the data
    components_, intercept_hidden_, intercept_visible_ : its weights (n_components, n_features) and biases
    thresholds_ : of columns (n_features,); None where data are taken as they are
    log_likelihood_ : of the data it was trained with, with its error and remarks
    curves_, remarks_ : of the training, see `BoltzmannFit`

    Raises
    ------
    InputError
        By `fit`, for settings that are none; by all, for data that are none.

    Examples
    --------
    >>> X = [[0, 0, 1, 1], [1, 1, 0, 0]] * 20
    >>> transformer = BoltzmannTransformer(2, learning_rate=0.1, n_iter=100, sampler="exact")
    >>> transformer.fit(X).transform(X).shape
    (40, 2)
    >>> bool(transformer.score(X) > -1)  # ln(1/2) = -0.69 is the best there can be
    True
    """

    def fit(self, X: ArrayLike, y: Any = None) -> BoltzmannTransformer:
        """Train with X (n_samples, n_features)."""
        values = self._checked(X)
        self._trained(self._binarised(values, is_new=True), values.dtype)
        self._n_features_out = self.machine_.n_hidden
        return self

    @torch.no_grad()
    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Means of hidden units given X (n_samples, n_components): probabilities, or for spins <h>."""
        visible = self._visible(X)
        return _array(self.machine_.hidden_means(visible))

    @torch.no_grad()
    def score_samples(self, X: ArrayLike) -> NDArray[np.floating]:
        """ln p of each row (n_samples,), nat; the error of its ln Z is that of `log_likelihood_`."""
        visible = self._visible(X)
        return -_array(self.machine_.free_energy(visible)) - self.log_likelihood_.log_partition

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean of `score_samples`."""
        return float(self.score_samples(X).mean())

    def gibbs(self, X: ArrayLike, n_sweeps: int = 1, *, random_state: Any = None) -> NDArray[np.int8]:
        """Features (n_samples, n_features) after sweeps of block Gibbs from X.

        Parameters
        ----------
        n_sweeps : each draws hidden and then visible units
        random_state : default that of the estimator
        """
        visible = self._visible(X)
        seed = _seed_of(self.random_state if random_state is None else random_state)
        generator = generator_of(seed, visible.device)
        for _ in range(checked_count(n_sweeps, "n_sweeps")):
            visible = self.machine_.swept(visible, generator)[:, : visible.shape[1]]
        return _array(visible).astype(np.int8)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class BoltzmannClassifier(ClassifierMixin, _Restricted):  # type: ignore[misc]
    """A restricted Boltzmann machine of features and classes: a class is a visible unit, one of which is 1.

    p(class | x) is exact, by free energies of x with each class (Larochelle, Bengio 2008, ICML 25, 536); the
    machine is trained to make rows and their classes likely together.

    Parameters
    ----------
    n_components, learning_rate, batch_size, n_iter, sampler, units, threshold, weight_decay, likelihood, \
device, random_state : as of `BoltzmannTransformer`

    Attributes
    ----------
    classes_ : labels (n_classes,)
    machine_ : its visible units are the features, then the classes
    components_, intercept_hidden_, intercept_visible_, thresholds_, log_likelihood_, curves_, \
remarks_ : as of `BoltzmannTransformer`

    Raises
    ------
    InputError
        By `fit`, for settings that are none; by all, for data that are none.

    Examples
    --------
    >>> X, y = [[0, 0, 1, 1], [1, 1, 0, 0]] * 20, ["right", "left"] * 20
    >>> classifier = BoltzmannClassifier(2, n_iter=100, sampler="exact", random_state=0).fit(X, y)
    >>> classifier.predict([[1, 1, 0, 0], [0, 0, 1, 1]]).tolist()
    ['left', 'right']
    """

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike) -> BoltzmannClassifier:
        """Train with X (n_samples, n_features) and classes y (n_samples,)."""
        values, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        features = self._binarised(values, is_new=True)
        own = np.where(numbers[:, None] == np.arange(len(self.classes_)), 1, units_of(self.units).low)
        self._trained(np.concatenate([features, own.astype(np.int8)], axis=1), values.dtype)
        return self

    @torch.no_grad()
    def _joint(self, X: ArrayLike) -> Tensor:
        """-F of features with each class (n_samples, n_classes)."""
        features = self._visible(X)
        n, low = len(self.classes_), self.machine_.units.low
        columns = []
        for k in range(n):
            own = torch.full((len(features), n), low, dtype=features.dtype, device=features.device)
            own[:, k] = 1
            columns.append(-self.machine_.free_energy(torch.cat([features, own], dim=1)))
        return torch.stack(columns, dim=1)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating]:
        """p(class | x), of every class (n_samples, n_classes)."""
        check_is_fitted(self)
        return _array(torch.softmax(self._joint(X), dim=1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likeliest class of each row (n_samples,)."""
        check_is_fitted(self)
        return self.classes_[_array(self._joint(X).argmax(dim=1))]

    def score_samples(self, X: ArrayLike) -> NDArray[np.floating]:
        """ln of the probability (n_samples,), nat, that the machine gives a row together with any one class;
        the error of its ln Z is that of `log_likelihood_`."""
        check_is_fitted(self)
        return _array(torch.logsumexp(self._joint(X), dim=1)) - self.log_likelihood_.log_partition


def _array(values: Tensor) -> NDArray[Any]:
    return values.detach().cpu().numpy()


def _seed_of(random_state: Any) -> int:
    """Of what scikit-learn takes for a random state."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
