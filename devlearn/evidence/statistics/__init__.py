"""Arrays in, numbers out: tests, intervals, equivalence, adjustment. Knows nothing of runs, arms or words."""

from devlearn.evidence.statistics.adjust import adjusted, holm, share
from devlearn.evidence.statistics.descriptive import iqm, mean_interval, probability_of_improvement
from devlearn.evidence.statistics.pigeonhole_bootstrap import pigeonhole_interval
from devlearn.evidence.statistics.power_law import PowerLaw, power_law
from devlearn.evidence.statistics.sign_flip import (
    ALPHA,
    EXACT,
    FLIPS,
    POWER,
    Vector,
    equivalence,
    interval,
    rounding,
    seeds_needed,
    sign_flip,
    smallest_p,
)
from devlearn.evidence.statistics.simultaneous_bands import Matrix, simultaneous_band
from devlearn.evidence.statistics.welch import welch, welch_equivalence

__all__ = [
    "ALPHA",
    "EXACT",
    "FLIPS",
    "POWER",
    "Matrix",
    "PowerLaw",
    "Vector",
    "adjusted",
    "equivalence",
    "holm",
    "interval",
    "iqm",
    "mean_interval",
    "pigeonhole_interval",
    "power_law",
    "probability_of_improvement",
    "rounding",
    "seeds_needed",
    "share",
    "sign_flip",
    "simultaneous_band",
    "smallest_p",
    "welch",
    "welch_equivalence",
]
