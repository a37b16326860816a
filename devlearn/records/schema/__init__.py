"""What is written in a run folder: a model for every JSON file, the columns of every table."""

from devlearn.records.schema.base import EvidenceError, FileModel, Json, Keys, Number
from devlearn.records.schema.job import JobSpec, JobState, NeedEntry, Progress, SelectEntry
from devlearn.records.schema.resolved import (
    ArmEntry,
    CompareEntry,
    CompareFit,
    ControlEntry,
    JobEntry,
    MatchEntry,
    MetricEntry,
    PointEntry,
    ProbeEntry,
    Resolved,
    StageEntry,
    TrialEntry,
    TuningEntry,
    VisitEntry,
)
from devlearn.records.schema.run import How, Manifest, Program, Seen, Steps
from devlearn.records.schema.tables import ARRAYS, COLUMNS, LEDGER, TABLES, TRAIN

__all__ = [
    "ARRAYS",
    "COLUMNS",
    "LEDGER",
    "TABLES",
    "TRAIN",
    "ArmEntry",
    "CompareEntry",
    "CompareFit",
    "ControlEntry",
    "EvidenceError",
    "FileModel",
    "How",
    "JobEntry",
    "JobSpec",
    "JobState",
    "Json",
    "Keys",
    "Manifest",
    "MatchEntry",
    "MetricEntry",
    "NeedEntry",
    "Number",
    "PointEntry",
    "ProbeEntry",
    "Program",
    "Progress",
    "Resolved",
    "Seen",
    "SelectEntry",
    "StageEntry",
    "Steps",
    "TrialEntry",
    "TuningEntry",
    "VisitEntry",
]
