"""The independent script of tests/independent, called in this process: it shares neither code nor state with ours."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "independent" / "recompute.py"


@cache
def _script() -> Any:
    sys.path.insert(0, str(SCRIPT.parent))  # the modules beside it go by their bare names
    try:
        import recompute
    finally:
        sys.path.remove(str(SCRIPT.parent))
    return recompute


def recomputed(run: Path) -> tuple[int, str]:
    """Its exit code for a run, and what it prints."""
    said, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(complained):
        code: int = _script().main(run)
    assert complained.getvalue() == ""
    return code, said.getvalue()
