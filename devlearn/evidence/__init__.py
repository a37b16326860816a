"""Statistics on records: numpy, scipy and the standard library; knows no tensor and no other room.

compare([run]) -> comparison.json's content      words(comparison) -> sentences      save(run)
load(run) -> Run                                 curves(arms, measure) -> learning curves
"""

from devlearn.evidence.compare import Comparison, compare, entries, save
from devlearn.evidence.curves import Curve, curves
from devlearn.evidence.load import Arm, EvidenceError, Life, Moment, Point, Run, load
from devlearn.evidence.values import Measure, measure, measures
from devlearn.evidence.words import headline, words

__all__ = [
    "Arm",
    "Comparison",
    "Curve",
    "EvidenceError",
    "Life",
    "Measure",
    "Moment",
    "Point",
    "Run",
    "compare",
    "curves",
    "entries",
    "headline",
    "load",
    "measure",
    "measures",
    "save",
    "words",
]
