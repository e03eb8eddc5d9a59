"""The executor on Dask keeps the contract, with workers that share no disk with the store."""

from __future__ import annotations

import pytest
from cluster import loopback_cluster

from qspin.testing import ExecutorContract

pytest.importorskip("distributed", reason="the extra dask is not installed")


class TestDask(ExecutorContract):
    executor = "dask"
    settings = {"scheduler": "local", "patience": 20.0}
    config = ExecutorContract.config | {
        "problems": ExecutorContract.config["problems"]
        | {"trained": {"kind": "mlp", "layers": [12, 3, 3], "dataset": "digits_small", "epochs": 2}}
    }

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def workers(cls, tmp_path_factory):
        """One cluster for all, since workers take seconds to start."""
        with loopback_cluster(tmp_path_factory.mktemp("cluster"), nanny=True) as cluster:
            cls.settings = {"scheduler": cluster.address, "patience": 20.0}
            cluster.wait(2)
            yield
