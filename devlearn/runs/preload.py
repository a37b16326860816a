"""What every job needs, imported: once in a fork server, so that workers begin at once.

Our own plug-ins are imported, not those of installed packages, whose import may do anything. The digits are read, which
takes a third of a second: workers share their memory. None of it is garbage ever, so workers need not look through it.
"""

import gc
import os
import zlib
from contextlib import suppress

import devlearn.learners.brains.brain
import devlearn.learners.flop_counter
import devlearn.runs.engine
import devlearn.runs.provenance  # noqa: F401
from devlearn import registry
from devlearn.tasks.data import mnist

for group in ("stages", "probes", "brains", "data"):
    registry.names(group)
with suppress(OSError, EOFError, ValueError, zlib.error):  # who needs a file that is damaged says so
    for part in mnist.COUNTS:
        mnist.read(part)

if os.environ.get("PYTHONSAFEPATH") == "devlearn":
    del os.environ["PYTHONSAFEPATH"]
gc.collect()
gc.freeze()
