"""What environments print: never among the results that we print."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

STDOUT, STDERR = 1, 2


@contextmanager
def folder_kept() -> Iterator[None]:
    """What changes the current folder inside leaves it as it was: our paths, and a user's, may be relative to it."""
    here = os.getcwd()
    try:
        yield
    finally:
        os.chdir(here)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """What is written to stdout inside, by Python or below it, goes to stderr."""
    try:
        kept = os.dup(STDOUT)
    except OSError:  # there is no stdout that could be written to
        yield
        return
    sys.stdout.flush()
    os.dup2(STDERR, STDOUT)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, STDOUT)
        os.close(kept)
