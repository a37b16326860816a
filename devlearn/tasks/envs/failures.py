"""How an environment fails: what is caught of it, and how that is told."""

import signal
from collections.abc import Mapping
from traceback import walk_tb
from typing import Any

# What an environment may raise. ``sys.exit()`` inside one is a mistake of its own, not an order to the process.
FAILURES: tuple[type[BaseException], ...] = (Exception, SystemExit, GeneratorExit)
NOT_THEIRS = ("devlearn", "gymnasium", "importlib", "contextlib")  # whose lines do not say where to look


def failures() -> tuple[type[BaseException], ...]:
    """What an environment may raise here: anything, in a process that is deaf to Ctrl-C, as workers are.

    Elsewhere a KeyboardInterrupt may be the user's.
    """
    return (BaseException,) if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else FAILURES


def describe(error: BaseException) -> str:
    """Kind and message of an exception, in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def raised(error: BaseException) -> str:
    """``describe``, and where."""
    return describe(error) + place(error)


def place(error: BaseException) -> str:
    """`` (FILE:LINE)``, the innermost line of somebody else's own that an exception came through, if any."""
    at = ""
    for frame, line in walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in NOT_THEIRS:
            at = f" ({frame.f_code.co_filename}:{line})"
    return at


def begun(returned: Any) -> tuple[Any, Mapping[str, Any]]:
    """The observation and the info that ``reset`` returned. Raises TypeError where it returned anything else."""
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        return returned
    what = type(returned).__name__
    raise TypeError(f"reset returned {what}; return a pair, (observation, info), of which info is a dict")
