"""What was found: comparison.json and analyses.json as frozen models, the only things that evidence hands on.

Every field says what it is; the reference of the two files is made from that. What needs words (a warning, why there
is no answer) is a code with its fields; a file holds the sentence, which ``evidence.text`` makes of it.
"""

from pydantic import Field

from devlearn.records.results.analyses import (
    Agreement,
    Analyses,
    Area,
    ArmHeight,
    Asked,
    Band,
    Contrast,
    Fit,
    Gone,
    Heights,
    HotStart,
    LevelPair,
    LevelReached,
    NotEstimable,
    PairHeight,
    Pairing,
    Part,
    Passage,
    PointAnalyses,
    Reading,
    RefusedAgreement,
    RefusedBand,
    RefusedFit,
    RefusedHotStart,
    ScarcePassage,
    Steps,
    Took,
    Watched,
)
from devlearn.records.results.base import (
    At,
    Interval,
    Model,
    Note,
    Reason,
    Renderer,
    Unit,
    Varied,
    Warning_,
    document,
)
from devlearn.records.results.comparison import (
    ArmSummary,
    Comparison,
    Comparisons,
    GainPer,
    Ledger,
    Look,
    PairResult,
    Scored,
    Spent,
    StageGain,
    TestKind,
    Verdict,
)
from devlearn.records.results.files import note_seen, write_analyses, write_comparison

__all__ = [
    "Agreement",
    "Analyses",
    "Area",
    "ArmHeight",
    "ArmSummary",
    "Asked",
    "At",
    "Band",
    "Comparison",
    "Comparisons",
    "Contrast",
    "Fit",
    "GainPer",
    "Gone",
    "Heights",
    "HotStart",
    "Interval",
    "Ledger",
    "LevelPair",
    "LevelReached",
    "Look",
    "Model",
    "NotEstimable",
    "Note",
    "PairHeight",
    "PairResult",
    "Pairing",
    "Part",
    "Passage",
    "PointAnalyses",
    "Reading",
    "Reason",
    "RefusedAgreement",
    "RefusedBand",
    "RefusedFit",
    "RefusedHotStart",
    "Renderer",
    "Results",
    "ScarcePassage",
    "Scored",
    "Spent",
    "StageGain",
    "Steps",
    "TestKind",
    "Took",
    "Unit",
    "Varied",
    "Verdict",
    "Warning_",
    "Watched",
    "document",
    "note_seen",
    "write_analyses",
    "write_comparison",
]


class Results(Model):
    """All that was found in a run."""

    comparisons: Comparisons = Field(description="the content of comparison.json")
    analyses: Analyses = Field(description="the content of analyses.json")
