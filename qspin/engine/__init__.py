"""Tasks, the store that keeps what they give, and the executors that do them."""

from qspin.engine.actions import Performer
from qspin.engine.storage.store import Store
from qspin.engine.work import StoredWork

__all__ = ["Performer", "Store", "StoredWork"]
