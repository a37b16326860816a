"""Statistics on records: numpy, scipy and the standard library; knows no tensor and no other room.

compare([run]) -> comparison.json's content      words(comparison) -> sentences      save(run)
load(run) -> Run                                 curves(arms, measure) -> learning curves
analyse(run) -> analyses.json's content          analysis_words(analysis) -> sentences      save_analyses(run)
"""

from devlearn.evidence.analyses import analyse, save_analyses
from devlearn.evidence.compare import Comparison, compare, entries, save
from devlearn.evidence.curve_words import analysis_words, conclusion
from devlearn.evidence.curves import Curve, curves
from devlearn.evidence.headline import headline, words
from devlearn.evidence.load import Arm, EvidenceError, Life, Moment, Point, Run, load
from devlearn.evidence.places import setting
from devlearn.evidence.seen import note
from devlearn.evidence.unscored import planned as unscored_matches
from devlearn.evidence.values import Measure, measure, measures, values
from devlearn.evidence.warnings import missing_controls, not_inherited, undecidable
from devlearn.evidence.words import claim, limits

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
    "analyse",
    "analysis_words",
    "claim",
    "compare",
    "conclusion",
    "curves",
    "entries",
    "headline",
    "limits",
    "load",
    "measure",
    "measures",
    "missing_controls",
    "not_inherited",
    "note",
    "save",
    "save_analyses",
    "setting",
    "undecidable",
    "unscored_matches",
    "values",
    "words",
]
