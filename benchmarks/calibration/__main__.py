"""python -m benchmarks.calibration PAGE [EXPERIMENTS], or PAGE --only [TITLE ..]"""

import sys
from pathlib import Path

from benchmarks.calibration.page import page, renewed

if __name__ == "__main__":
    path, *more = sys.argv[1:]
    only = more[:1] == ["--only"]
    Path(path).write_text(renewed(Path(path).read_text(), more[1:]) if only else page(*map(int, more)))
