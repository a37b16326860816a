"""Before the eyes open: spontaneous retinal waves, learned by predicting the next frame."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn import flops
from devlearn.brains.needs import Head, Needs
from devlearn.cohort import Cohort, Optimiser
from devlearn.data import IMAGE, IMAGE_SENSE
from devlearn.objectives import Reconstruction
from devlearn.schedule import Schedule, factor
from devlearn.stage import Context, Metrics, Stage, State, Work, stage
from devlearn.streams import Streams

HEAD = "next_frame"
SIDE = 28
FRAMES = 24  # frames of a movie
WARM_UP = 12  # frames before the first that is shown


def movies(streams: Streams, count: int, refractory: int = 6, rate: float = 0.3) -> Tensor:
    """Waves of a Greenberg-Hastings automaton on a torus: (N, FRAMES, count, 28, 28) uint8.

    A resting cell fires when one of its eight neighbours fires, then is refractory for ``refractory`` frames. Each
    movie starts from three firing cells whose upper half is blocked, which breaks the symmetry and makes waves turn,
    and with probability ``rate`` a frame one random cell fires by itself. Brightness falls with the time since
    firing and is blurred by a 3 x 3 binomial kernel. Sources: Greenberg & Hastings (1978) for the automaton, Ligeralde
    et al. (2023) for learning from waves before the eyes open.
    """
    total = WARM_UP + FRAMES
    sites = torch.from_numpy(streams.integers(SIDE * SIDE, total + 3, count))  # (N, T + 3, M)
    fires = torch.from_numpy(streams.random(total, count)) < rate  # (N, T, M)
    n = len(sites)
    age = torch.zeros(n, count, SIDE * SIDE, dtype=torch.int8)  # 0 rests, 1 fires, 2.. refractory
    for k in range(3):
        age.scatter_(2, sites[:, total + k, :, None], 1)
        age.scatter_(2, (sites[:, total + k, :, None] + SIDE) % (SIDE * SIDE), 2)
    age = age.view(n * count, SIDE, SIDE)
    shown = torch.empty(n, FRAMES, count, SIDE, SIDE, dtype=torch.uint8)
    for t in range(total):
        spark = torch.zeros(n, count, SIDE * SIDE, dtype=torch.bool)
        spark.scatter_(2, sites[:, t, :, None], fires[:, t, :, None])
        age = _next(age, spark.view_as(age), refractory)
        if t >= WARM_UP:
            light = (age > 0) * (refractory + 2 - age).float() / (refractory + 1)
            shown[:, t - WARM_UP] = _blur(light).mul(255).round().byte().view(n, count, SIDE, SIDE)
    return shown


def _next(age: Tensor, spark: Tensor, refractory: int) -> Tensor:
    firing = age == 1
    rows = firing | firing.roll(1, -2) | firing.roll(-1, -2)
    near = rows | rows.roll(1, -1) | rows.roll(-1, -1)
    aged = torch.where((age > 0) & (age <= refractory), age + 1, torch.zeros_like(age))
    return torch.where((age == 0) & (near | spark), torch.ones_like(age), aged)


def _blur(light: Tensor) -> Tensor:
    rows = light + (light.roll(1, -2) + light.roll(-1, -2)) / 2
    return (rows + (rows.roll(1, -1) + rows.roll(-1, -1)) / 2) / 4


@stage("innate.waves")
class Waves(Stage):
    """Predicts the next frame of spontaneous waves: structure that needs no world.

    A Greenberg-Hastings automaton on a 28 x 28 torus: a resting cell fires when one of its eight neighbours fires, then
    is refractory for 6 frames; with probability 0.3 a frame one random cell fires by itself. Brightness falls with the
    time since firing and is blurred by a 3 x 3 binomial kernel. Every learner sees movies of its own. One frame is
    shown, ``q`` (784 probabilities, the sigmoid of the head's outputs) guesses the next one, ``x`` in 0..1.

    Metrics:
        loss: Bernoulli cross-entropy, the mean over images and pixels of ``-x log q - (1 - x) log(1 - q)``
        error: mean over images and pixels of ``(q - x)^2``

    Source:
        Greenberg and Hastings (1978) for the automaton; Ligeralde et al. (2023) for learning from waves before the
        eyes open.

    Deviations:
        The automaton is discrete and much simpler than a model of the retina. Ligeralde et al. learn a contrastive
        objective on neighbouring frames; here the next frame is predicted. There is no held-out stimulus set: the probe
        ``objective`` draws 16 new movies for each learner.
    """

    metrics = ("loss", "error")
    draws = ("movies",)

    batch: int = Field(64, ge=1, description="movies an update; each shows one frame")
    lr: float = Field(1e-3, gt=0, description="learning rate of Adam")
    schedule: Schedule = Field("constant", description="of the learning rate over the declared budget")

    @property
    def objective(self) -> Reconstruction:
        return Reconstruction(IMAGE_SENSE, HEAD)

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {HEAD: Head(SIDE * SIDE)})

    def work(self, brain: nn.Module) -> Work:
        images = ((self.batch, SIDE, SIDE), torch.uint8)
        cost = flops.update(brain, self.objective, {"images": images, "targets": images})
        return Work(updates=1, images=self.batch, flops=cost)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser = Optimiser(cohort, state["moments"], "adam", self.lr)
        shown = None
        while True:
            block, place = divmod(state["done"], FRAMES - 1)
            if shown is None or place == 0:
                shown = movies(context.streams("movies", counter=block), self.batch).to(context.device)
            optimiser.set_lr(self.lr * factor(self.schedule, state["done"], context.planned))
            batch = {"images": shown[:, place], "targets": shown[:, place + 1]}  # (N, B, 28, 28)
            metrics = cohort.update(self.objective, batch, optimiser)
            state["done"] += 1
            yield metrics

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """Prediction on 16 held-out movies for each learner."""
        shown = movies(context.streams("movies"), 16).to(context.device)
        batch = {"images": shown[:, :-1].flatten(1, 2), "targets": shown[:, 1:].flatten(1, 2)}
        loss, metrics = cohort.losses(self.objective, batch)
        return {"loss": loss, **metrics}
