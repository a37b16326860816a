"""Generative replay: images of earlier stages are made up, and answered as they would have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.guard import Guard
from devlearn.learners.optimiser import Optimiser
from devlearn.stages.protections.memory import UPDATES, rehearsed
from devlearn.stages.protections.protection import HEADS, Protecting, Protection, Surcharge, protection, unrehearsed
from devlearn.stages.protections.rehearsal import added_flops
from devlearn.stages.shared.target_network import target_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.learners.objectives import Objective
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.context import State
    from devlearn.stages.stage import Stage

MAKER, EARLIER, BEFORE, MOMENTS = "maker:", "earlier:", "before:", "moments"  # weights: of the autoencoder, of the
# autoencoder and the learner as they were at the stage's start; moments of the autoencoder's optimiser


@protection("generative_replay")
@final
class GenerativeReplay(Protection):
    """Generative replay: rehearses made-up images of earlier stages; keeps no image, but what makes them up.

    Adds to a minibatch's loss ``weight`` times the mean cross-entropy of ``batch`` made-up images. A variational
    autoencoder learns beside the learner, from the images that the learner is shown and from made-up ones, which the
    autoencoder as it was when the stage began makes from standard normal noise. The learner rehearses those: the label
    of each is the likeliest answer of the learner as it was when the stage began. Each read-out of an earlier protected
    stage has labels of its own, and the mean of their cross-entropies counts. Kept are the autoencoder's weights, and
    no image. An image counts whenever one of the two networks is shown it.

    Source:
        Shin et al. 2017, Continual learning with deep generative replay, eq. 1 and 2; Kingma and Welling 2014 for the
        generator.

    Deviations:
        The generator is an autoencoder, not a GAN, learns at the same time, and goes on from what it was. ``weight`` is
        the same in every stage.
    """

    batch: int | None = Field(None, ge=1, description="made-up images an update; empty: as many as new ones")
    weight: float = Field(1.0, ge=0, description="of the loss on made-up images, that on new ones having 1")
    hidden: int = Field(256, ge=1, description="units of the autoencoder's layer each way")
    latent: int = Field(32, ge=1, description="numbers that an image is made up from")
    lr: float = Field(1e-3, gt=0, description="learning rate of the autoencoder's Adam")

    def refusal(self, stage: Stage) -> str:
        if stage.rehearsed() is None:
            return f"{self.kind} learns to make up labelled images, and {unrehearsed(stage)}; take si"
        return ""

    def unlike(self, stage: Stage, before: Stage) -> str:
        own, other = rehearsed(stage).source, rehearsed(before).source
        if own.sense_name != other.sense_name:
            both = f"{own.name} is seen by another sense than {other.name} before"
            return f"{self.kind} makes up images of one sense, and {both}; protect stages of one data set, or take si"
        assert isinstance(before.protect, GenerativeReplay)
        if (self.hidden, self.latent) != (before.protect.hidden, before.protect.latent):
            return f"{self.kind} has one generator for all stages; give them one 'hidden' and one 'latent'"
        return ""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        from devlearn.learners.autoencoder import EvidenceBound

        labelled = rehearsed(stage)
        made = self._made(labelled.batch_size, earlier)
        with torch.device("meta"):
            maker = self._maker(stage)
        seen, numbers = labelled.batch_size + made, (labelled.batch_size + made, self.latent)
        images = ((seen, *labelled.source.shape), torch.float32)
        spent = flops.update(maker, EvidenceBound(), {"images": images, "noise": (numbers, torch.float32)})
        kept = sum(4 * weight.numel() for weight in maker.parameters())
        if not made:
            return Surcharge(seen, spent, kept_bytes=kept, memory=2 * kept)
        shown = torch.empty((made, *labelled.source.shape), device="meta")
        objective = self._objective(labelled.objective, stage, earlier)
        more = {"made_images": (tuple(shown.shape), torch.float32)}
        answers = {f"made_labels_{number}": ((made,), torch.int64) for number, _ in enumerate(objective.heads)}
        spent += added_flops(brain, stage, objective, {**more, **answers})
        spent += flops.forward(brain, shown, objective.sense, objective.heads)
        spent += flops.of(
            lambda device: _make_up(flops.blank(maker, device), torch.zeros(made, self.latent, device=device))
        )
        weights = sum(4 * weight.numel() for weight in brain.parameters())
        return Surcharge(seen + 2 * made, spent, kept_bytes=kept, memory=3 * kept + weights)

    def begin(self, at: Protecting) -> None:
        at.kept.update({UPDATES: 0, MOMENTS: {}})
        if at.earlier:
            weights = {name: weight for name, weight in at.kept.items() if name.startswith(MAKER)}
            at.kept.update({EARLIER + name.removeprefix(MAKER): weight.clone() for name, weight in weights.items()})
            at.kept.update({BEFORE + name: weight.clone() for name, weight in at.cohort.parameters().items()})
        else:
            at.kept.update({MAKER + name: weight.clone() for name, weight in self._makers(at).parameters().items()})

    def guard(self, at: Protecting) -> Guard:
        return _MakingUp(at, self)

    def end(self, at: Protecting) -> None:
        for name in [name for name in at.kept if name.startswith((EARLIER, BEFORE, MOMENTS))]:
            del at.kept[name]

    def _maker(self, stage: Stage) -> nn.Module:
        from devlearn.learners.autoencoder import Autoencoder

        return Autoencoder(rehearsed(stage).source.numbers, self.hidden, self.latent)

    def _makers(self, at: Protecting) -> Cohort:
        """The autoencoders of all learners, newborn."""
        cohort = at.cohort
        return Cohort(lambda: self._maker(at.stage), cohort.seeds, cohort.device, "stacked", cohort.dtype)

    def _made(self, new: int, earlier: tuple[str, ...]) -> int:
        """How many images are made up for an update beside so many new ones."""
        return (self.batch or new) if earlier and self.weight else 0

    def _objective(self, new: Objective, stage: Stage, earlier: tuple[str, ...]) -> MadeUp:
        return MadeUp(new, rehearsed(stage).source.sense_name, tuple(dict.fromkeys(earlier)), self.weight)


@dataclass(frozen=True)
class MadeUp:
    """An objective plus ``weight`` times the cross-entropy of made-up images. Its metrics, and ``loss``, are its own.

    Batch: what the objective reads, made_images (M, *shape), and for the i-th of ``heads`` made_labels_i (M,).
    """

    stacks: ClassVar[bool] = True
    new: Objective
    sense: str
    heads: tuple[str, ...]
    weight: float

    def __call__(self, brain: Any, batch: Batch) -> Result:
        loss, metrics = self.new(brain, batch)
        losses: Any = 0.0
        for number, logits in enumerate(brain(batch["made_images"], self.sense, self.heads)):
            labels = batch[f"made_labels_{number}"].unsqueeze(-1)
            losses = losses - F.log_softmax(logits, -1).gather(-1, labels).squeeze(-1).mean(-1)
        return loss + self.weight / len(self.heads) * losses, {"loss": loss, **metrics}


def _make_up(maker: Any, noise: Tensor) -> Tensor:
    """Numbers in 0..255, (M, D), from noise (M, latent)."""
    with torch.no_grad():
        made: Tensor = 255 * maker({"noise": noise}).sigmoid()
    return made


class _MakingUp(Guard):
    def __init__(self, at: Protecting, own: GenerativeReplay) -> None:
        self.at, self.own, self.kept = at, own, at.kept
        self.earlier_heads = tuple(at.kept.get(HEADS, ()))
        self.makers = own._makers(at)
        for name, weight in self.makers.weights.items():
            weight.data = at.kept[MAKER + name]  # one storage: what holds learners, and checkpoints, see what is kept
        self.optimiser = Optimiser(self.makers, at.kept[MOMENTS], "adam", own.lr)
        if at.earlier and own.weight:
            self.earlier = target_network(self.makers, _named(at.kept, EARLIER))
            self.teacher = target_network(at.cohort, _named(at.kept, BEFORE))
        self.seen = torch.empty(0)

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        self.seen = batch["images"].to(self.makers.dtype)
        made = self.own._made(self.seen.shape[1], self.earlier_heads)
        if not made:
            return objective, batch
        longer = self.own._objective(objective, self.at.stage, self.earlier_heads)
        images = _make_up(self.earlier, self._noise("made", made)).unflatten(-1, self.seen.shape[2:])
        with torch.no_grad():
            outputs = self.teacher(images, longer.sense, longer.heads)
        self.seen = torch.cat([self.seen, images], 1)
        answers = {f"made_labels_{number}": logits.argmax(-1) for number, logits in enumerate(outputs)}
        return longer, {**batch, "made_images": images, **answers}

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        from devlearn.learners.autoencoder import EvidenceBound

        noise = self._noise("noise", self.seen.shape[1])
        self.makers.update(EvidenceBound(), {"images": self.seen, "noise": noise}, self.optimiser)
        self.kept[UPDATES] += 1

    def _noise(self, stream: str, count: int) -> Tensor:
        drawn = self.at.context.streams("protect", stream, counter=self.kept[UPDATES]).normal(count, self.own.latent)
        return torch.from_numpy(drawn).to(self.makers.device, self.makers.dtype)


def _named(kept: State, prefix: str) -> dict[str, Tensor]:
    """Weights by their qualified names."""
    return {name.removeprefix(prefix): value for name, value in kept.items() if name.startswith(prefix)}
