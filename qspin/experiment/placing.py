"""Where the objects of a run lie: in its folder, or in a store that runs share."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from qspin.engine import Store
from qspin.engine.storage.marker import is_store, refuse_newer, refuse_no_store
from qspin.errors import InputError
from qspin.experiment.config.run_config import RunConfig
from qspin.experiment.folder import CONFIG, DamagedHead, read_head

__all__ = ["has_moved", "refuse_unfit_store", "require_store", "store_of"]

_TRIAL_BYTES = 4  # of randomness in the name of a trial folder


def store_of(run: Path, config: RunConfig) -> Store:
    """Where the objects of a config lie that is run in the folder `run`; it may not be there yet."""
    if config.store is None or config.store == _absolute(run):
        return Store(run)
    return Store(config.store, is_shared=True)


def require_store(run: Path, store: Store) -> None:
    """Raises InputError if the store of a run that was begun lies elsewhere and is not there."""
    if store.is_shared and not store.path.is_dir():
        raise InputError(
            f"the store {store.path} of the run in {run} is not there: mount or restore it, or run the "
            "config again with --resume and --set execution.store=PATH that says where it is now"
        )


def refuse_unfit_store(run: Path, config: RunConfig) -> None:
    """Refuse a place for objects that is none, or where those of this run do not lie; nothing is changed.

    Raises
    ------
    InputError
        If the store is of a newer format, missing, or holds other files; or if the run was begun with another
        one, which is still there.
    """
    now, known = store_of(run, config), _known_store(run)
    if now.is_shared:
        refuse_no_store(now.path)
    refuse_newer(now.path)
    if known is not None and has_moved(run, config) and is_store(known):
        raise InputError(
            f"the objects of the run in {run} lie in {known}, not in {now.path}: go on with --set "
            f"execution.store={known}, or choose another folder with --out"
        )
    if known is not None:
        require_store(run, now)
    elif now.is_shared and not now.path.is_dir():
        _refuse_impossible(now.path)


def _refuse_impossible(store: Path) -> None:
    """Refuse a place where no folder can be made.

    It is tried under a name of the same length: another run may make the store itself meanwhile.
    """
    if not store.parent.is_dir():
        raise InputError(
            f"execution.store: {store.parent} is not there, so that no store can be made in it; make that "
            "folder, or name another store"
        )
    trial = store.with_name(store.name[: -2 * _TRIAL_BYTES] + secrets.token_hex(_TRIAL_BYTES))
    try:
        if os.path.lexists(store) and not store.is_dir():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise InputError(
            f"execution.store: no store can be made at {store}: {error.strerror}; name another one"
        ) from error


def has_moved(run: Path, config: RunConfig) -> bool:
    """Whether the objects of a run that was begun lie elsewhere than its folder says."""
    known = _known_store(run)
    return known is not None and known != _absolute(store_of(run, config).path)


def _known_store(run: Path) -> Path | None:
    """Where the objects of a run lie that was begun; None if there is none, or that cannot be told."""
    if not (run / CONFIG).is_file():
        return None
    try:
        place = read_head(run).plain["execution"]["store"]
    except (DamagedHead, KeyError, TypeError):
        return None
    return _absolute(run) if place is None else Path(place)


def _absolute(path: Path) -> Path:
    """By the working folder, links not followed."""
    return Path(os.path.abspath(path))
