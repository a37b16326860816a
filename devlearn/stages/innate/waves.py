"""Before the eyes open: spontaneous retinal waves, learned by predicting the next frame."""

from collections.abc import Iterator
from itertools import count
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from devlearn.brains.needs import Head
from devlearn.cohort import Cohort
from devlearn.data import IMAGE_SENSE
from devlearn.objectives import Reconstruction
from devlearn.practice import Practice, Shapes
from devlearn.stage import Context, Metrics, stage
from devlearn.streams import Streams

HEAD = "next_frame"
SIDE = 28
FRAMES = 24  # frames of a movie
WARM_UP = 12  # frames before the first that is shown


def movies(streams: Streams, number: int, refractory: int = 6, rate: float = 0.3) -> Tensor:
    """Waves of a Greenberg-Hastings automaton on a torus: (N, FRAMES, number, 28, 28) uint8.

    A resting cell fires when one of its eight neighbours fires, then is refractory for ``refractory`` frames. Each
    movie starts from three firing cells whose upper half is blocked, which breaks the symmetry and makes waves turn,
    and with probability ``rate`` a frame one random cell fires by itself. Brightness falls with the time since
    firing and is blurred by a 3 x 3 binomial kernel. Sources: Greenberg & Hastings (1978) for the automaton, Ligeralde
    et al. (2023) for learning from waves before the eyes open.
    """
    total = WARM_UP + FRAMES
    sites = torch.from_numpy(streams.integers(SIDE * SIDE, total + 3, number))  # (N, T + 3, M)
    fires = torch.from_numpy(streams.random(total, number)) < rate  # (N, T, M)
    n = len(sites)
    age = torch.zeros(n, number, SIDE * SIDE, dtype=torch.int8)  # 0 rests, 1 fires, 2.. refractory
    for k in range(3):
        age.scatter_(2, sites[:, total + k, :, None], 1)
        age.scatter_(2, (sites[:, total + k, :, None] + SIDE) % (SIDE * SIDE), 2)
    age = age.view(n * number, SIDE, SIDE)
    shown = torch.empty(n, FRAMES, number, SIDE, SIDE, dtype=torch.uint8)
    for t in range(total):
        spark = torch.zeros(n, number, SIDE * SIDE, dtype=torch.bool)
        spark.scatter_(2, sites[:, t, :, None], fires[:, t, :, None])
        age = _next(age, spark.view_as(age), refractory)
        if t >= WARM_UP:
            light = (age > 0) * (refractory + 2 - age).float() / (refractory + 1)
            shown[:, t - WARM_UP] = _blur(light).mul(255).round().byte().view(n, number, SIDE, SIDE)
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
class Waves(Practice):
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

    heads: ClassVar = {HEAD: Head(SIDE * SIDE)}

    batch: int = Field(64, ge=1, description="movies an update; each shows one frame")

    @property
    def objective(self) -> Reconstruction:
        return Reconstruction(IMAGE_SENSE, HEAD)

    @property
    def shapes(self) -> Shapes:
        images = ((self.batch, SIDE, SIDE), torch.uint8)
        return {"images": images, "targets": images}

    def shown(self, cohort: Cohort, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        played = None
        for number in count(done):
            block, place = divmod(number, FRAMES - 1)
            if played is None or place == 0:
                played = movies(context.streams("movies", counter=block), self.batch).to(context.device)
            yield {"images": played[:, place], "targets": played[:, place + 1]}  # (N, B, 28, 28)

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """Prediction on 16 held-out movies for each learner."""
        played = movies(context.streams("movies"), 16).to(context.device)
        return self.judged(cohort, {"images": played[:, :-1].flatten(1, 2), "targets": played[:, 1:].flatten(1, 2)})
