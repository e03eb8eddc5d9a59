"""``python -m qspin`` is the command ``qspin``."""

from qspin.cli import main

main()
