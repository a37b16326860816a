"""The one face that plug-ins import: what a stage, probe, brain, data set, executor or report section is written with.

    from devlearn.plugin import Head, Metrics, Needs, Stage, stage

What stands here keeps its name when rooms inside are moved. A plug-in's tests import ``devlearn.testing``.
"""

from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs, Part, Sense, split_observation
from devlearn.learners.cohort import Cohort
from devlearn.learners.guard import Guard
from devlearn.learners.objectives import (
    Batch,
    ClippedSurrogate,
    CrossEntropy,
    Factors,
    FeedbackAlignment,
    Forecast,
    Inpainting,
    MutualInformation,
    NTXent,
    Objective,
    OwnAnswers,
    Reconstruction,
    Reinforce,
    Result,
)
from devlearn.learners.optimiser import Optimiser, Weighted, Weights
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.registry import register
from devlearn.report.drawing import style
from devlearn.report.section import Drawn, Page, Place, section
from devlearn.runs.executors.base import Executor, WorkerExit
from devlearn.stages.context import Context, GivenLearners, State
from devlearn.stages.fields import (
    AdamRate,
    BatchSize,
    Change,
    DemonstrationsOf,
    Gate,
    LearnerOf,
    LearningRate,
    RateSchedule,
    SenseOf,
    Split,
)
from devlearn.stages.protections.protection import Protecting, Protection, Surcharge, protection
from devlearn.stages.stage import Cost, Metrics, Stage, stage
from devlearn.streams import Streams, streams
from devlearn.tasks.data import (
    CLASSES,
    IMAGE,
    IMAGE_SENSE,
    Dataset,
    DataSource,
    balanced,
    dataset,
    source_named,
    source_of,
    valid_of,
)
from devlearn.tasks.demonstrations import Demonstrations, demonstrations
from devlearn.tasks.envs import EnvSpec

__all__ = [
    "CLASSES",
    "IMAGE",
    "IMAGE_SENSE",
    "AdamRate",
    "Batch",
    "BatchSize",
    "Change",
    "ClippedSurrogate",
    "Cohort",
    "Context",
    "Cost",
    "CrossEntropy",
    "DataSource",
    "Dataset",
    "Demonstrations",
    "DemonstrationsOf",
    "Drawn",
    "EnvSpec",
    "Executor",
    "Factors",
    "FeedbackAlignment",
    "Forecast",
    "Gate",
    "GivenLearners",
    "Guard",
    "Head",
    "Inpainting",
    "LearnerOf",
    "LearningRate",
    "Measurement",
    "Metric",
    "Metrics",
    "MutualInformation",
    "NTXent",
    "Needs",
    "Objective",
    "Optimiser",
    "OwnAnswers",
    "Page",
    "Part",
    "Place",
    "Probe",
    "Probing",
    "Protecting",
    "Protection",
    "RateSchedule",
    "Reconstruction",
    "Reinforce",
    "Result",
    "Sense",
    "SenseOf",
    "Split",
    "Stage",
    "State",
    "Streams",
    "Surcharge",
    "Weighted",
    "Weights",
    "WorkerExit",
    "balanced",
    "dataset",
    "demonstrations",
    "flops",
    "probe",
    "protection",
    "register",
    "section",
    "source_named",
    "source_of",
    "split_observation",
    "stage",
    "streams",
    "style",
    "valid_of",
]
