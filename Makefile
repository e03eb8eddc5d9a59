# Two commands: `make run` (the main job) and `make test` (the whole suite).
# Each sets up .venv from constraints.txt when it is missing or out of date.

PYTHON ?= python3
CONFIG ?= configs/digits.yaml
VENV := .venv
READY := $(VENV)/.ready

.PHONY: run test test-lowest fuzz bench lint clean help

help:
	@echo "make run   [CONFIG=configs/digits.yaml]  set up .venv, run the experiment, write runs/"
	@echo "make test  [TESTS='tests -k name']       set up .venv, run the test suite"
	@echo "make fuzz  [N=25000]                     throw bad inputs at every door, in processes with limits"
	@echo "make test-lowest                         the quick tests with the lowest versions allowed, in .venv-lowest"
	@echo "make bench [BENCH=bench_updates.py]      compare speed with other samplers, on one thread"
	@echo "make lint                                ruff and mypy"
	@echo "make clean                               remove .venv, .venv-lowest and build output; runs/ stays"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qspin needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test]'
	touch $@

run: $(READY)
	$(VENV)/bin/qspin run $(CONFIG) --resume

# What hangs for ten minutes is ended, and where it hangs is shown.
test: $(READY)
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal \
	    -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true $(TESTS)

# A few hundred of these inputs are part of make test.
N ?= 25000
fuzz: $(READY)
	$(VENV)/bin/python tests/fuzz/run.py --count $(N)

# Twice, since the extra ibm needs newer versions of what others need too.
test-lowest:
	PYTHON='$(PYTHON)' .ci/lowest dwave qiskit parquet
	PYTHON='$(PYTHON)' .ci/lowest ibm dwave parquet -- tests/backends/qaoa/test_ibm.py tests/backends/qaoa/test_aer.py

# Not a test: what it prints depends on the machine. BENCH names one file of tests/benchmarks.
bench: $(READY)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 RAYON_NUM_THREADS=1 \
	$(VENV)/bin/python -m pytest -p no:xdist -o python_files='bench_*.py' --plot tests/benchmarks/performance.svg \
	    --benchmark-columns=median,rounds --benchmark-quiet tests/benchmarks/$(BENCH)

lint: $(READY)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check ruff mypy types-PyYAML
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

clean:
	rm -rf $(VENV) .venv-lowest dist build .pytest_cache .ruff_cache .mypy_cache
