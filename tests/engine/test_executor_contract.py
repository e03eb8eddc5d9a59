"""Every executor keeps the contract."""

from __future__ import annotations

from qspin.testing import ExecutorContract


class TestInProcess(ExecutorContract):
    executor = "in_process"


class TestProcesses(ExecutorContract):
    executor = "processes"
    settings = {"n_workers": 2}


class TestAuto(ExecutorContract):
    executor = "auto"
    settings = {"n_workers": 1}
