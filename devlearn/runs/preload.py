"""What every job needs, imported: once in a fork server, so that workers begin at once.

Our own plug-ins are imported, not those of installed packages, whose import may do anything. None of it is garbage
ever, so workers need not look through it for any.
"""

import gc

import devlearn.learners.brains.brain
import devlearn.learners.flop_counter
import devlearn.runs.engine
import devlearn.runs.provenance  # noqa: F401
from devlearn import registry

for group in ("stages", "probes", "brains", "data"):
    registry.names(group)

gc.collect()
gc.freeze()
