"""Types of the keys that stages share, each with its bounds and its meaning; and what gates and changes say.

A stage writes ``lr: LearningRate = 1e-3``. Where a key means something of its own, the stage describes it itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticKnownError

from devlearn.learners.schedule import Schedule
from devlearn.scenario.models import Of
from devlearn.scenario.splits import is_path, joined, split_name
from devlearn.tasks.data import DataSource, View, class_counts, is_split, most_balanced, size, source_named, source_of
from devlearn.tasks.data.files import located
from devlearn.tasks.data.task import Rare
from devlearn.tasks.demonstrations import episodes
from devlearn.tasks.demonstrations import located as demonstrations_located

Count = Annotated[int, Field(gt=0)]


# ---- data sets ---------------------------------------------------------------------------------------------------


def _here(name: str, info: ValidationInfo) -> str:
    """A split whose path begins at the file's folder (``info.context``), or at the current one, with its whole path."""
    folder = (info.context or {}).get("folder", Path())
    source, part = split_name(name)
    if not source:
        return located(name, folder) if is_path(name) else name
    return joined(located(source, folder), part) if is_path(source) else name


Split = Annotated[str, AfterValidator(_here)]
SenseOf = Annotated[
    str,
    AfterValidator(_here),
    Field(description="the data set whose images' sense is meant, without a part: mnist, digits, shapes.npz"),
]


def source_in(keys: Mapping[str, Any]) -> DataSource | None:
    """The data set that the keys before this one name, ``data`` or ``sense``; None where there is none to go by.

    What is wrong with the name itself is told by whoever checks it.
    """
    try:
        return source_of(keys["data"]) if "data" in keys else source_named(keys["sense"])
    except (KeyError, ValueError, OSError):
        return None


def _read_out(head: str, info: ValidationInfo) -> str:
    source = source_in(info.data)
    return head or (source.read_out if source else "")


HeadName = Annotated[
    str,
    AfterValidator(_read_out),
    Field(validate_default=True, description="the read-out; empty: that of the data set's classes"),
]


def _as_many_as_classes(clusters: int, info: ValidationInfo) -> int:
    if clusters == 0 and (source := source_in(info.data)) is not None:
        return source.classes
    if clusters == 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 2})
    return clusters


Clusters = Annotated[int, Field(ge=0), AfterValidator(_as_many_as_classes)]


def _one_a_class(labels: int, info: ValidationInfo) -> int:
    source = source_in(info.data)
    if source is not None and labels < source.classes:
        raise PydanticKnownError("greater_than_equal", {"ge": source.classes})
    return labels


def _enough(labels: int | Literal["all"], info: ValidationInfo) -> int | Literal["all"]:
    """Raises ValueError where the split, a key before ``labels``, has too few images of a class."""
    split = info.data.get("data")
    if labels != "all" and split and is_split(split) and labels > (most := most_balanced(split)):
        rarest = f"{most:,} of its {size(split):,} images, as its rarest class has {min(class_counts(split)):,}"
        raise ValueError(f"a class-balanced draw from {split} has at most {rarest}; or write all")
    return labels


def _in_sight(distance: float, info: ValidationInfo) -> float:
    """Raises pydantic's own error where images, by a key before this one, are not as large."""
    source = source_in(info.data)
    if source is not None and distance > (most := max(source.sides)):
        raise PydanticKnownError("less_than_equal", {"le": most})
    return distance


def _on_the_image(distance: int, info: ValidationInfo) -> int:
    source = source_in(info.data)
    if source is not None and distance >= (side := min(source.sides)):
        raise PydanticKnownError("less_than_equal", {"le": side - 1})
    return distance


# ---- labelled images ---------------------------------------------------------------------------------------------

LabelledSplit = Annotated[Split, Field(description="the split that the labelled images are drawn from")]
Labels = Annotated[
    Annotated[int, Field(ge=2), AfterValidator(_one_a_class)] | Literal["all"],
    AfterValidator(_enough),
    Field(description="labelled images for each learner, drawn class-balanced; or all of the split"),
]
LabelledBatchSize = Annotated[int, Field(ge=1, description="images an update; never more than there are labels")]
Blur = Annotated[
    float,
    AfterValidator(_in_sight),
    Field(
        ge=0,
        description="what is seen is out of focus: sd in pixels of a Gaussian blur; its FLOPs are not counted",
    ),
]
RowByRow = Annotated[
    bool,
    Field(description="images are read row by row by brains with memory; the answer to the last row counts"),
]
Shift = Annotated[
    int,
    AfterValidator(_on_the_image),
    Field(
        ge=0,
        description="what is seen is out of the middle: largest move in pixels along each axis, filled with 0; every "
        "image has a move of its own, the same for all learners and at every showing",
    ),
]


def _classes(classes: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
    """Raises ValueError for a class that stands twice, or that the data set, a key before this one, does not have."""
    source = source_in(info.data)
    if classes is None or source is None:
        return classes
    for label in classes:
        if not 0 <= label < source.classes:
            raise ValueError(f"{source.key} has no class {label}; its {source.classes} are 0 to {source.classes - 1}")
        if classes.count(label) > 1:
            raise ValueError(f"class {label} stands twice")
    return classes


Classes = Annotated[
    Annotated[tuple[int, ...], Field(min_length=2)] | None,
    AfterValidator(_classes),
    Field(description="the classes that the task is of; empty: all of the data set"),
]
ViewKey = Annotated[
    View | None,
    Field(description="how all images are seen: {permute: NUMBER}, {rotate: DEGREES}, {blur: SD}; empty: as they are"),
]
Relabel = Annotated[
    Annotated[int, Field(ge=1)] | None,
    Field(description="NUMBER of a permutation by which the classes have each other's names; empty: their own"),
]


def _rare(rare: Rare | None, info: ValidationInfo) -> Rare | None:
    """Raises ValueError for a rare class that stands twice, or that the task, keys before this one, does not have."""
    source = source_in(info.data)
    if rare is None or source is None:
        return rare
    there = info.data.get("classes") or tuple(range(source.classes))
    for label in rare.classes:
        if label not in there:
            raise ValueError(f"class {label} can't be rare, as the task has {', '.join(map(str, there))}")
        if rare.classes.count(label) > 1:
            raise ValueError(f"class {label} stands twice")
    return rare


RareKey = Annotated[
    Rare | None,
    AfterValidator(_rare),
    Field(description="classes of which there are few images: {classes: [0, 1], share: 0.1}; empty: none"),
]
TaskHead = Annotated[
    Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)] | None,
    Field(
        description="NAME of the read-out, with an output for each class of the task, in their order: one name for "
        "each task, or one for several; empty: that of the data set, with an output for each of its classes"
    ),
]

# ---- images without labels ---------------------------------------------------------------------------------------

UnlabelledSplit = Annotated[Split, Field(description="the split whose images are looked at; its labels are never read")]
BatchSize = Annotated[int, Field(ge=1, description="images an update")]
PairBatchSize = Annotated[int, Field(ge=2, description="pairs of views an update; each view counts as an image shown")]
Sham = Annotated[
    bool,
    Field(description="a control: images without structure, each pixel's values over the split in random order"),
]
DecoderUnits = Annotated[int, Field(ge=0, description="units of the decoder's hidden layer; 0: it is linear")]

# ---- how weights change ------------------------------------------------------------------------------------------

OptimiserName = Literal["adam", "sgd", "continue"]
OptimiserOrContinue = Annotated[
    OptimiserName, Field(description="continue keeps the optimiser and the moments of the stage before")
]
LearningRate = Annotated[float, Field(gt=0, description="learning rate")]
AdamRate = Annotated[float, Field(gt=0, description="learning rate of Adam")]
Momentum = Annotated[float, Field(ge=0, lt=1, description="of sgd")]
WeightDecay = Annotated[float, Field(ge=0, description="L2 for sgd, decoupled for adam")]
RateSchedule = Annotated[Schedule, Field(description="of the learning rate over the declared budget")]

# ---- environments ------------------------------------------------------------------------------------------------


def _named(item: str | dict[str, Any]) -> str | dict[str, Any]:
    """Raises ValueError where a map names no wrapper."""
    if isinstance(item, dict) and not isinstance(item.get("id"), str):
        raise ValueError("a wrapper is a name, or a map {id: NAME, KEY: VALUE} of it and its keyword arguments")
    return item


EnvKwargs = Annotated[
    dict[str, Any],
    Field(description="keyword arguments of the environment; max_episode_steps and render_mode are Gymnasium's own"),
]
Wrappers = Annotated[
    tuple[Annotated[str | dict[str, Any], AfterValidator(_named)], ...],
    Field(
        description="what the environment is wrapped in, one after another: package.module:Class, or the name of one "
        "of gymnasium.wrappers; with keyword arguments as {id: NAME, KEY: VALUE}"
    ),
]
StepTimeout = Annotated[
    float,
    Field(
        gt=0,
        description="seconds that one call into the environment may take; then the copy is named and its process is "
        "ended. It changes no result",
    ),
]


def _demonstrated(name: str, info: ValidationInfo) -> str:
    """Demonstrations that can be read, by their whole path or ``minari:ID``."""
    found = demonstrations_located(name, (info.context or {}).get("folder", Path()))
    episodes(found)
    return found


DemonstrationsOf = Annotated[
    Annotated[str, AfterValidator(_demonstrated)] | None,
    Field(
        description="episodes that somebody lived: PATH.npz, or minari:ID; they are read as a learner in env, with its "
        "keywords and wrappers, would have had them"
    ),
]
ControllerName = Annotated[
    str | None,
    Field(
        description="a scripted demonstrator: module:function, of an observation and a numpy generator, that gives an "
        "action; or bot, the function of that name that the environment's class has"
    ),
]


def _learner(of: Of | None) -> Of | None:
    """Raises ValueError where something else than a learner is asked for."""
    if of is not None and of.what != "learner":
        what = {"order": "an order", "stream": "a stream"}[of.what]
        raise ValueError(f"a demonstrator is a learner, not {what}: leave 'what' out")
    return of


LearnerOf = Annotated[
    Annotated[Of | None, AfterValidator(_learner)],
    Field(
        description="a demonstrator: {arm: NAME, stage: NAME}, the learner of the same seed that another arm has after "
        "that stage, reflexes included; it does what it finds likeliest"
    ),
]

# ---- evolution ---------------------------------------------------------------------------------------------------

Fitness = Literal["accuracy", "cross_entropy"]
CopyBatchSize = Annotated[
    int, Field(ge=1, description="images that each copy of a generation sees; never more than labels")
]
SlopeRate = Annotated[float, Field(gt=0, description="learning rate of the rule that follows the estimated slope")]
Population = Annotated[int, Field(ge=2, multiple_of=2, description="copies of a generation, in mirrored pairs")]
Sigma = Annotated[float, Field(gt=0, description="standard deviation of the perturbation of every weight")]
FitnessKey = Annotated[
    Fitness, Field(description="what makes a copy better: more right answers, or a lower cross-entropy")
]
Lineages = Annotated[
    Count | None,
    Field(
        description="how many ancestors are evolved, from births of their own: learner s descends from number s modulo "
        "this, and evidence counts lineages; empty: every learner evolves alone, from what it is",
    ),
]

# ---- environments ------------------------------------------------------------------------------------------------

ActionScaling = Annotated[
    Literal["affine", "squash", "none"],
    Field(
        description="numbers of Box actions with finite bounds: affine maps [-1, 1] to the bounds and clips, squash "
        "maps by tanh, none clips to the bounds; numbers without bounds pass as they are"
    ),
]


def _spends_steps(random: bool, info: ValidationInfo) -> bool:
    """Raises ValueError where a budget is in what learners that don't learn never spend."""
    if random and (unit := next((unit for unit in ("updates", "flops") if info.data.get(unit)), "")):
        raise ValueError(f"learners that act at random take no {unit}, so a budget in {unit} never ends; use env_steps")
    return random


ActsRandomly = Annotated[
    bool,
    AfterValidator(_spends_steps),
    Field(
        description="the untrained control: it acts at random (every option is as likely as another, numbers are "
        "standard normal) and learns nothing; its budget is in env_steps"
    ),
]
ReflexGain = Annotated[
    Annotated[float, Field(ge=0)] | None,
    Field(
        description="how much of the reflexes acts that learners were born with in this environment, from now on; a "
        "change over time fades them; empty: as much as before"
    ),
]
Vocabulary = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1)] | None,
    Field(description="the words of texts that are seen; empty: those that the environment or its space says"),
]


# ---- keys of every stage -----------------------------------------------------------------------------------------


class Gate(BaseModel):
    """``until``: a learner moves on when a probe reaches a level. Exactly one of at_least and at_most."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    probe: str = Field(description="NAME of a probe, or NAME.METRIC; its first metric is the default")
    at_least: float | None = Field(None, description="the level that a rising metric has to reach")
    at_most: float | None = Field(None, description="the level that a falling metric has to reach")
    min_updates: int = Field(0, ge=0, description="updates that every learner lives before the gate may open")

    @model_validator(mode="after")
    def _one_level(self) -> Gate:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self


class Change(BaseModel):
    """One item of ``change``: other values for some keys while the updates of a visit are in [from, until)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    from_: int = Field(alias="from", ge=0, description="updates of the visit after which the change begins")
    until: int | None = Field(None, gt=0, description="updates after which it is over; empty: it lasts to the end")
    set: Annotated[Mapping[str, Any], Field(min_length=1)] = Field(description="keys of the stage and their new values")

    @model_validator(mode="after")
    def _forward(self) -> Change:
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"until ({self.until}) must be after from ({self.from_})")
        return self

    def covers(self, updates: int) -> bool:
        """Whether it holds after that many updates."""
        return self.from_ <= updates and (self.until is None or updates < self.until)
