"""Before the eyes open: spontaneous retinal waves, learned by predicting what comes next or what belongs together."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import NTXent, Reconstruction
from devlearn.stages.fields import AdamRate, RateSchedule, SenseOf
from devlearn.stages.shared.train import Descent, evaluate_objective, train
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import DataSource, source_named
from devlearn.tasks.data.waves import FRAMES, SHAMS, movies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

FRAME_HEAD, PLACE_HEAD = "next_frame", "neighbours"
HELD_OUT = 16  # movies


@stage("innate.waves", version=3)
@final
class Waves(Stage):
    """Learns from simulated retinal waves, which need no world: predicts next frames, or tells neighbouring ones.

    A Greenberg-Hastings automaton on a torus as large as an image, 28 x 28: a resting cell fires when one of its eight
    neighbours fires, then is refractory for 6 frames; with probability 0.3 a frame one random cell fires by itself.
    Brightness falls with the time since firing and is blurred by a 3 x 3 binomial kernel. Every learner sees movies of
    its own, of 24 frames.

    With ``predict: next_frame`` one frame is shown, ``q`` (a probability for each pixel, the sigmoid of the head's
    outputs) guesses the next one, ``x`` in 0..1. Waves are grey: where images have colours, all are as bright. With
    ``predict: neighbours`` a frame and the next one of each of B movies are mapped to unit vectors ``u`` of ``project``
    numbers; among the 2B - 1 others, each should be most like its neighbour ``p``. Shams have the same length,
    objective and cost: ``phase`` keeps each movie's brightness and spatiotemporal power spectrum at random phases (no
    fronts); ``shuffled_frames`` keeps frames and loses their order; ``noise`` keeps the distribution of brightness
    alone.

    Metrics:
        loss: next_frame: the mean over images and pixels of ``-x log q - (1 - x) log(1 - q)``; neighbours: the mean
            over views i of ``-log(exp(u_i u_p / temperature) / sum_(j != i) exp(u_i u_j / temperature))``
        error: next_frame: mean over images and pixels of ``(q - x)^2``; neighbours: share of views to which another
            view is more like than its neighbour

    Source:
        Greenberg and Hastings (1978), Spatial patterns for discrete models of diffusion in excitable media;
        Ligeralde et al. (2023), Unsupervised learning on spontaneous retinal activity leads to efficient neural
        representation geometry; Chen et al. (2020), A simple framework for contrastive learning of visual
        representations, for the loss on neighbours; Schreiber and Schmitz (1996), Improved surrogate data for
        nonlinearity tests, for random phases.

    Deviations:
        The automaton is discrete and much simpler than a model of the retina. There is no held-out stimulus set: the
        probe ``objective`` draws 16 new movies for each learner.
    """

    role = "innate"
    metrics = ("loss", "error")
    stream_names = ("movies", "sham")
    immutable_keys = ("predict", "project", "hidden")
    controls = ("shuffle", "sham", "compute")

    sense: SenseOf = "mnist"
    batch: int = Field(64, ge=2, description="movies an update; each shows one frame, or two neighbours")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    predict: Literal["next_frame", "neighbours"] = Field("next_frame", description="what is learned from a movie")
    sham: Literal["none", "phase", "shuffled_frames", "noise"] = Field(
        "none", description="a control: movies that are no waves, with random phases, in random order, or white noise"
    )
    project: int = Field(64, ge=2, description="neighbours: numbers that a frame is mapped to")
    hidden: int = Field(128, ge=0, description="neighbours: units of the projection's hidden layer; 0: it is linear")
    temperature: float = Field(0.5, gt=0, description="of the softmax over neighbours")

    @property
    def _seen(self) -> DataSource:
        """The data set whose images waves are as large as."""
        return source_named(self.sense)

    @property
    def _head(self) -> str:
        return self._seen.head_for(PLACE_HEAD if self.predict == "neighbours" else FRAME_HEAD)

    @property
    def objective(self) -> Reconstruction | NTXent:
        seen = self._seen
        if self.predict == "neighbours":
            return NTXent(seen.sense_name, self._head, self.temperature, len(seen.shape))
        return Reconstruction(seen.sense_name, self._head)

    @property
    def _next(self) -> str:
        """What the objective calls the next frame."""
        return "others" if self.predict == "neighbours" else "targets"

    def needs(self) -> Needs:
        guessed = Head(self._seen.numbers)
        head = Head(self.project, hidden=self.hidden) if self.predict == "neighbours" else guessed
        return Needs(self._seen.senses, {self._head: head})

    def cost(self, brain: nn.Module) -> Cost:
        frames = ((self.batch, *self._seen.shape), torch.uint8)
        step = flops.update(brain, self.objective, {"images": frames, self._next: frames})
        return Cost(updates=1, images=self.batch * (2 if self.predict == "neighbours" else 1), flops=step)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches, descent = self.minibatches(context, state["done"]), Descent(self.lr, self.schedule)
        for metrics in train(cohort, self.objective, batches, descent, state, context):
            yield _named(metrics)

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """A frame of each movie, and the next one, (N, B, *shape) each, after the first ``done``, endlessly."""
        played = None
        for number in count(done):
            block, place = divmod(number, FRAMES - 1)
            if played is None or place == 0:
                played = self._played(context, block, self.batch)
            yield {"images": played[:, place], self._next: played[:, place + 1]}

    def _played(self, context: Context, block: int, number: int) -> Tensor:
        """Movies, or what is shown in place of them: (N, FRAMES, number, *shape) bytes."""
        played = movies(context.streams("movies", counter=block), number, sides=self._seen.sides)
        if self.sham != "none":
            played = SHAMS[self.sham](played, context.streams("sham", counter=block))
        for colours in self._seen.shape[2:]:
            played = played.unsqueeze(-1).expand(*played.shape, colours)
        return played.to(context.device)

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """On 16 held-out movies for each learner: all their frames, or the middle ones and their neighbours."""
        played = self._played(context, 0, HELD_OUT)
        if self.predict == "neighbours":
            now, after = played[:, FRAMES // 2 - 1], played[:, FRAMES // 2]
        else:
            now, after = played[:, :-1].flatten(1, 2), played[:, 1:].flatten(1, 2)
        return _named(evaluate_objective(cohort, self.objective, {"images": now, self._next: after}))


def _named(metrics: Metrics) -> Metrics:
    """The metrics under the stage's names."""
    error = metrics["error"] if "error" in metrics else 1 - metrics["accuracy"]
    return {"loss": metrics["loss"], "error": error}
