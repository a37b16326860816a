"""Statistics on records: numpy, scipy and the standard library; knows no tensor and no other room.

compare([run]) -> comparison.json's content      words(comparison) -> sentences      save(run)
load(run) -> RunRecords                                 curves(arms, measure) -> learning curves
analyse(run) -> analyses.json's content          analysis_words(analysis) -> sentences      save_analyses(run)
"""

from devlearn.evidence.analysis.compare import Comparison, compare, entries, save
from devlearn.evidence.analysis.curve_analyses import analyse, save_analyses
from devlearn.evidence.analysis.curves import Curve, curves
from devlearn.evidence.analysis.unscored import planned as unscored_matches
from devlearn.evidence.analysis.values import Measure, measure, measures, values
from devlearn.evidence.analysis.viewed import note
from devlearn.evidence.analysis.warnings import missing_controls, not_inherited, undecidable
from devlearn.evidence.text.comparison import claim, limits
from devlearn.evidence.text.curves import analysis_words, conclusion
from devlearn.evidence.text.points import setting
from devlearn.evidence.text.summary import headline, words
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord, Moment, Point, RunRecords, load

__all__ = [
    "ArmRecords",
    "Comparison",
    "Curve",
    "EvidenceError",
    "LearnerRecord",
    "Measure",
    "Moment",
    "Point",
    "RunRecords",
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
