"""Teachers: which lesson comes next for a learner, by its seed and what has been seen of it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from devlearn.scenario import Of
from devlearn.stages.shared.gaussian_mixture import best_mixture

Array: TypeAlias = "np.ndarray[Any, Any]"
Lesson: TypeAlias = Any  # of a list its number, 0 is the first; in a range of keywords a point (D,) in [0, 1]
Notes: TypeAlias = dict[str, Array]  # what a teacher keeps of one learner: arrays that it writes into

if TYPE_CHECKING:
    Draw: TypeAlias = np.random.Generator

Kind = Literal["fixed", "reversed", "random", "growing", "mastery", "progress", "replay"]
OF_KIND: dict[str, tuple[str, ...]] = {
    "growing": ("full",),
    "mastery": ("level", "min_episodes", "smoothing"),
    "progress": ("explore", "window", "fit_every"),
    "replay": ("of", "shuffled"),
}  # the keys that only some kinds have
FOLLOW_BUDGET = ("fixed", "reversed", "growing")
NULLS = ("random", "growing")  # whose order means nothing
FIRST = 2  # episodes of each lesson that progress needs to be seen at all
EPISODES = 5_000  # whose returns progress is measured against, the latest
COMPONENTS = range(2, 11)


class Teacher(BaseModel):
    """Which lesson a learner's next episode is. Each learner has a teacher of its own.

    ``fixed``: in the order listed, each for an equal share of the budget. ``reversed``: the last comes first.
    ``random``: any, for each episode anew. ``growing``: any of a set that grows with the budget, by one lesson after
    another in random order: the null that an order has to beat (Wu et al. 2021). ``mastery``: the next one when the
    mean return is ``level``; after the last it stays. ``progress``: in proportion to the absolute learning progress.
    Of a list that is, in each lesson, by how much the mean return of the later half of its latest ``window`` episodes
    differs from that of the earlier. In ranges of keywords it is by how much a return differs from that of the nearest
    episode before it, and lessons are drawn from a mixture of Gaussians that says where much was made (Portelas et
    al. 2019, ALP-GMM). ``replay``: those that another arm's learner of the same seed had, whatever comes of them; that
    was the order, and not that it followed the learner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Kind = Field(description="how the next lesson is chosen")
    level: float | None = Field(
        None, allow_inf_nan=False, description="mastery: the mean return at which the next lesson begins"
    )
    min_episodes: int = Field(10, ge=1, description="mastery: episodes of every lesson, at least")
    smoothing: int = Field(
        10,
        ge=1,
        description="mastery: episodes over which returns are averaged: plainly so many, then fading as slowly",
    )
    explore: float = Field(0.2, ge=0, le=1, description="progress: share of episodes whose lesson is any")
    window: int = Field(
        20, ge=2, multiple_of=2, description="progress, of a list: episodes of a lesson that it is measured over"
    )
    fit_every: int = Field(
        250,
        ge=20,
        le=EPISODES,
        description="progress, in ranges: episodes between fits, and of each fit",
    )
    of: Of | None = Field(
        None,
        description="replay: whose lessons, {arm: NAME, stage: NAME, what: order}; behind the last it begins again",
    )
    shuffled: bool = Field(False, description="replay: in another order each time, drawn by the learner's own seed")
    full: float = Field(1.0, gt=0, le=1, description="growing: share of the budget after which no lesson is missing")

    @model_validator(mode="after")
    def _own_keys(self) -> Teacher:
        for kind, keys in OF_KIND.items():
            given = next((key for key in keys if key in self.model_fields_set), None)
            if given is not None and self.kind != kind:
                raise ValueError(f"{given} is a key of the teacher {kind}, not of {self.kind}; drop it")
        if self.kind == "replay" and (self.of is None or self.of.what != "order"):
            raise ValueError(
                "the teacher replay needs the order of another arm: of: {arm: NAME, stage: NAME, what: order}"
            )
        if self.kind == "mastery" and self.level is None:
            raise ValueError("the teacher mastery needs a level: the mean return at which the next lesson begins")
        return self

    @model_serializer(mode="wrap")
    def _without_others_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        others = {key for kind, keys in OF_KIND.items() if kind != self.kind for key in keys}
        return {key: value for key, value in handler(self).items() if key not in others}

    @property
    def has_order(self) -> bool:
        """Whether its order is meant to matter."""
        return self.kind not in NULLS and not self.shuffled

    @property
    def follows_budget(self) -> bool:
        """Whether a lesson depends on how much of the budget is gone."""
        return self.kind in FOLLOW_BUDGET

    def of_list(self, count: int) -> Choice:
        """How it chooses one of ``count`` lessons; ``replay`` chooses the first, until it is given an order."""
        if self.kind == "replay":
            return Replayed(np.zeros(1, np.int64), self.shuffled)
        if self.kind in ("fixed", "reversed"):
            return InOrder(count, self.kind == "reversed")
        if self.kind == "growing":
            return Growing(count, self.full)
        if self.kind == "mastery":
            assert self.level is not None
            return Mastery(count, self.level, self.min_episodes, self.smoothing)
        return Progress(count, self.window, self.explore) if self.kind == "progress" else AnyOf(count)

    def in_ranges(self, dimensions: int) -> Choice:
        """How it chooses a point of a cube. Raises ValueError for a kind that needs lessons one by one."""
        if self.kind == "replay":
            return Replayed(np.zeros((1, dimensions)), self.shuffled)
        if self.kind == "progress":
            return ProgressInRanges(dimensions, self.fit_every, self.explore)
        if self.kind == "random":
            return Anywhere(dimensions)
        why = f"the teacher {self.kind} needs lessons one by one, and these are ranges of keywords"
        raise ValueError(f"{why}; write a list of lessons, or use random, progress or replay")


class Choice(Protocol):
    """How a teacher chooses: pure but for the learner's ``notes``, which hold all that it goes by."""

    def blank(self) -> Notes:
        """The notes of a learner of whom nothing was seen."""

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        """The lesson of the episode that begins now; ``share`` of the budget is gone."""

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """An episode has ended, with its return."""


@dataclass(frozen=True)
class InOrder:
    """One lesson after another, each for an equal share of the budget."""

    count: int
    backwards: bool = False

    def blank(self) -> Notes:
        return {}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        place = min(int(share * self.count), self.count - 1)
        return self.count - 1 - place if self.backwards else place

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """Nothing: what was seen changes no order."""


@dataclass(frozen=True)
class AnyOf:
    """Each as likely as another."""

    count: int

    def blank(self) -> Notes:
        return {}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        return draw.integers(self.count)

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Anywhere:
    """Each point of a cube as likely as another."""

    dimensions: int

    def blank(self) -> Notes:
        return {}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        return draw.random(self.dimensions)

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Growing:
    """Any of a set that begins with one lesson and has all at the share ``full`` of the budget, or just before.

    Source: Wu, Dyer and Neyshabur (2021), When do curricula work?, arXiv:2012.03107: random curricula, linear pacing.
    """

    count: int
    full: float

    def blank(self) -> Notes:
        return {"order": np.full(self.count, -1)}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        if notes["order"][0] < 0:
            notes["order"][:] = draw.permutation(self.count)
        return notes["order"][draw.integers(min(int(self.count * share / self.full) + 1, self.count))]

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Replayed:
    """The lessons of another learner, (M,) or (M, D), episode by episode; behind the last it begins again.

    ``shuffled``: in another order each time, drawn by the learner's own seed. ``room``: for how many lessons notes are
    made, where those of other learners are longer.
    """

    order: Array
    shuffled: bool = False
    room: int = 0

    def blank(self) -> Notes:
        return {"begun": np.zeros(1, np.int64), "places": np.arange(max(self.room, len(self.order)))}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        place = int(notes["begun"][0]) % len(self.order)
        if self.shuffled and place == 0:
            notes["places"][: len(self.order)] = draw.permutation(len(self.order))
        notes["begun"] += 1
        return self.order[notes["places"][place]]

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Mastery:
    """The next lesson once the mean return in this one is ``level``; episodes of earlier lessons don't count."""

    count: int
    level: float
    min_episodes: int
    smoothing: int

    def blank(self) -> Notes:
        return {"lesson": np.zeros(1, np.int64), "episodes": np.zeros(1, np.int64), "mean": np.zeros(1)}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        return notes["lesson"][0]

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        if lesson != notes["lesson"][0]:
            return
        notes["episodes"] += 1
        notes["mean"] += (result - notes["mean"]) / np.minimum(notes["episodes"], self.smoothing)
        mastered = notes["episodes"][0] >= self.min_episodes and notes["mean"][0] >= self.level
        if mastered and lesson < self.count - 1:
            notes["lesson"] += 1
            notes["episodes"][:], notes["mean"][:] = 0, 0


@dataclass(frozen=True)
class Progress:
    """In proportion to absolute learning progress; lessons that were begun less than twice come first.

    Source: Portelas et al. (2019) for what is proportional to what and for the share of others; Matiisen et al. (2017),
    Teacher-student curriculum learning, arXiv:1707.00183, for bandits over lessons with a window.
    """

    count: int
    window: int
    explore: float

    def blank(self) -> Notes:
        seen = {"results": np.zeros((self.count, self.window)), "seen": np.zeros(self.count, np.int64)}
        return {"begun": np.zeros(self.count, np.int64), **seen}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        new, progress = np.flatnonzero(notes["begun"] < FIRST), self.progress(notes)
        if len(new):
            lesson = draw.choice(new)
        elif draw.random() < self.explore or not progress.any():
            lesson = draw.integers(self.count)
        else:
            lesson = draw.choice(self.count, p=progress / progress.sum())
        notes["begun"][lesson] += 1
        return lesson

    def progress(self, notes: Notes) -> Array:
        """Of every lesson, (count,): the mean of its later results less that of the earlier, without its sign."""
        found = np.zeros(self.count)
        for lesson, seen in enumerate(notes["seen"].tolist()):
            if half := min(seen, self.window) // 2:
                later, earlier = notes["results"][lesson, :half], notes["results"][lesson, half : 2 * half]
                found[lesson] = abs(later.mean() - earlier.mean())
        return found

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        latest = notes["results"][lesson]
        latest[1:] = latest[:-1].copy()
        latest[0] = result
        notes["seen"][lesson] += 1


@dataclass(frozen=True)
class ProgressInRanges:
    """Absolute learning progress over a cube, by a mixture of Gaussians (ALP-GMM).

    The progress of an episode is by how much its return differs from that of the nearest one before it. Every
    ``fit_every`` episodes mixtures of 2 to 10 Gaussians are fitted to the latest of them, points and progress side by
    side, and the one with the least AIC is kept. A lesson is then drawn from a Gaussian, each as likely as its mean
    progress is high, and cut at the cube's sides. Until the first fit, and in a share of episodes, it is any.

    Source: Portelas, Colas, Hofmann and Oudeyer (2019), Teacher algorithms for curriculum learning of Deep RL in
    continuously parameterized environments, arXiv:1910.07224.

    Deviations: returns are not scaled to [0, 1] beforehand; instead progress is divided by its largest among what is
    fitted. What is nearest is looked for among the latest 5,000 episodes.
    """

    dimensions: int
    fit_every: int
    explore: float

    def blank(self) -> Notes:
        d, most = self.dimensions, COMPONENTS.stop - 1
        lived = {"points": np.zeros((EPISODES, d)), "results": np.zeros(EPISODES), "progress": np.zeros(EPISODES)}
        fitted = {"odds": np.zeros(most), "means": np.zeros((most, d)), "scales": np.zeros((most, d, d))}
        return {"seen": np.zeros(1, np.int64), "fits": np.zeros(1, np.int64), **lived, **fitted}

    def choose(self, notes: Notes, share: float, draw: Draw) -> Lesson:
        if (due := notes["seen"][0] // self.fit_every) > notes["fits"][0]:
            self._fit(notes, draw)
            notes["fits"][:] = due
        if draw.random() < self.explore or not notes["odds"].any():
            return draw.random(self.dimensions)
        chosen = draw.choice(len(notes["odds"]), p=notes["odds"])
        return np.clip(
            notes["means"][chosen] + notes["scales"][chosen] @ draw.standard_normal(self.dimensions), 0.0, 1.0
        )

    def _fit(self, notes: Notes, draw: Draw) -> None:
        latest = (notes["seen"][0] - 1 - np.arange(self.fit_every)) % EPISODES
        progress = notes["progress"][latest]
        rows = np.column_stack([notes["points"][latest], progress / max(progress.max(), 1e-12)])
        mixture, d = best_mixture(rows, COMPONENTS, draw), self.dimensions
        worth, count = np.maximum(mixture.means[:, d], 0), len(mixture.means)
        notes["odds"][:] = 0
        notes["odds"][:count] = worth / worth.sum() if worth.any() else 0
        notes["means"][:count] = mixture.means[:, :d]
        notes["scales"][:count] = np.linalg.cholesky(mixture.covariances[:, :d, :d])

    def see(self, notes: Notes, lesson: Lesson, result: float) -> None:
        seen = int(notes["seen"][0])
        kept, place = min(seen, EPISODES), seen % EPISODES
        if kept:
            nearest = int(np.square(notes["points"][:kept] - lesson).sum(1).argmin())
            notes["progress"][place] = abs(result - notes["results"][nearest])
        notes["points"][place], notes["results"][place] = lesson, result
        notes["seen"] += 1
