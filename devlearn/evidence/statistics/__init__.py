"""Arrays in, numbers out: tests, intervals, equivalence, adjustment. Knows nothing of runs, arms or words."""

from devlearn.evidence.statistics.adjust import adjusted, holm, share
from devlearn.evidence.statistics.descriptive import iqm, mean_interval, probability_of_improvement
from devlearn.evidence.statistics.failures import mcnemar, rate_bound
from devlearn.evidence.statistics.location import LOCATIONS, Location, equivalent
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
from devlearn.evidence.statistics.skewness import skew_adjusted, t_test
from devlearn.evidence.statistics.welch import welch, welch_equivalence

__all__ = [
    "ALPHA",
    "EXACT",
    "FLIPS",
    "LOCATIONS",
    "POWER",
    "Location",
    "Matrix",
    "PowerLaw",
    "Vector",
    "adjusted",
    "equivalence",
    "equivalent",
    "holm",
    "interval",
    "iqm",
    "mcnemar",
    "mean_interval",
    "pigeonhole_interval",
    "power_law",
    "probability_of_improvement",
    "rate_bound",
    "rounding",
    "seeds_needed",
    "share",
    "sign_flip",
    "simultaneous_band",
    "skew_adjusted",
    "smallest_p",
    "t_test",
    "welch",
    "welch_equivalence",
]
