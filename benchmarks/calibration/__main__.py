"""python -m benchmarks.calibration PAGE [EXPERIMENTS]"""

import sys
from pathlib import Path

from benchmarks.calibration.page import page

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(*map(int, sys.argv[2:])))
