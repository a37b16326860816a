"""What can be asked of a life of several skills as a whole: the metrics of its matrix, and what each takes."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

MATRIX = "matrix"  # stands where a probe's name does: ``matrix.forgetting``

MatrixMetric = Literal[
    "average", "forgetting", "backward_transfer", "forward_transfer", "intransigence", "learning_accuracy", "area",
    "performance_maintenance", "forward_contrast", "backward_contrast", "relative_performance", "sample_efficiency",
]  # fmt: skip


class Facts(NamedTuple):
    """A metric of the matrix. ``experts``: it needs them; ``curves``: it needs probes that are measured on the way.

    ``score`` says that it is a score itself, and not a difference or a ratio of scores.
    """

    about: str
    better: Literal["higher", "lower"] = "higher"
    experts: bool = False
    curves: bool = False
    score: bool = False


METRICS: Mapping[str, Facts] = {
    "average": Facts("mean score over all skills at the end of life", score=True),
    "learning_accuracy": Facts("mean score of each skill at the end of its own stage", score=True),
    "area": Facts("mean over stages of the mean score over the skills learned so far", score=True),
    "forgetting": Facts("how far each skill fell from its best score", "lower"),
    "backward_transfer": Facts("what later stages did to each skill"),
    "forward_transfer": Facts("what earlier stages did for each skill, against the newborn"),
    "intransigence": Facts("how much worse each skill was learned than by its expert", "lower", experts=True),
    "performance_maintenance": Facts("how each skill stood after its own stage, on average over what came later"),
    "forward_contrast": Facts("(after - before) / (after + before) of each stage and each skill that came later"),
    "backward_contrast": Facts("(after - before) / (after + before) of each stage and each skill that came earlier"),
    "relative_performance": Facts("height of each skill's learning curve over its expert's", experts=True, curves=True),
    "sample_efficiency": Facts(
        "each skill's highest score over its expert's, times the updates the expert took to its own over those taken",
        experts=True,
        curves=True,
    ),
}
