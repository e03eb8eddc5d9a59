"""A few hundred bad inputs at every door; ``make fuzz`` throws many more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parent / "run.py"


def test_bad_inputs_end_in_one_line():
    done = subprocess.run(
        [sys.executable, RUN, "--count", "400"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "400 inputs: 0 exceptions, 0 crashes, 0 hangs\n"
    assert done.returncode == 0
