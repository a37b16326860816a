"""Guesses with what a caregiver says of them: a minibatch to learn from, and what it told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.learners import flops

if TYPE_CHECKING:
    from torch import Tensor, nn

    from devlearn.learners.flops import Shapes
    from devlearn.learners.objectives import Naming
    from devlearn.stages.context import Context
    from devlearn.stages.shared.feedback import Caregiver, Gibberish
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.shared.speech import Speech


@dataclass(frozen=True)
class Answers:
    """What is said of guesses, on the rung of each learner. Draws from ``noise``, ``hint`` and ``gibberish``."""

    rungs: tuple[Caregiver, ...]
    gibberish: Gibberish
    speech: Speech | None

    @property
    def _named(self) -> bool:
        """Whether names of classes are said that mean nothing, or something else."""
        return self.gibberish in ("inconsistent", "consistent") and any(
            own.rung in ("hint", "label") for own in self.rungs
        )

    def draws(self, rows: int, samples: int) -> dict[str, tuple[int, ...]]:
        """What has to be drawn for a minibatch, by stream: shapes of one learner's."""
        found: dict[str, tuple[int, ...]] = {}
        if any(own.noise for own in self.rungs) or (self._named and self.gibberish == "inconsistent"):
            found["noise"] = (3, rows, samples)
        if any(own.rung == "hint" for own in self.rungs):
            found["hint"] = (rows, samples, self.rungs[0].classes)
        return found

    def named(self, batches: Iterable[dict[str, Tensor]], context: Context) -> Iterator[dict[str, Tensor]]:
        """The minibatches with ``names`` (N, K), what each class is called, where that is something else."""
        names: dict[str, Tensor] = {}
        if self._named and self.gibberish == "consistent":
            drawn = context.streams("gibberish").permutation(self.rungs[0].classes)
            names["names"] = torch.from_numpy(drawn).to(context.device)
        return ({**batch, **names} for batch in batches)

    def of(
        self, shown: dict[str, Tensor], guesses: Tensor, rung: Tensor, come: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A minibatch for ``Feedback``, and what it tells: ``feedback_events`` and ``feedback_bits``, (N,) each.

        ``guesses`` (N, B, S) at what was ``shown`` are answered on each learner's ``rung`` (N,), if answers ``come``.
        """
        found = [self._answer(own, shown, guesses) for own in self.rungs]
        possible, right, heard = (torch.stack(each) for each in zip(*found, strict=True))  # (R, N, B, S, ..)
        own = torch.arange(len(rung), device=rung.device)
        batch = {"images": shown["images"], "guesses": guesses, "possible": possible[rung, own]}
        batch |= {"right": right[rung, own], "heard": heard[rung, own] & come}
        events = batch["heard"].sum((1, 2))
        bits = events * self._each("bits", rung)
        if self.speech is not None and self._explained:
            explained = self._each("explains", rung).bool() & come
            batch |= {"text": shown["text"], "words": shown["words"]}
            batch["spoken"] = shown["spoken"] & explained[:, None, None]
            bits = bits + self.speech.told(batch["spoken"])["feedback_bits"]
        return batch, {"feedback_events": events, "feedback_bits": bits}

    @property
    def _explained(self) -> bool:
        return any(own.rung == "explanation" for own in self.rungs)

    def _each(self, what: str, rung: Tensor) -> Tensor:
        """Bits of an event, or whether words are said, on each learner's rung: (N,) float64."""
        numbers = [own.bits if what == "bits" else float(own.rung == "explanation") for own in self.rungs]
        return torch.tensor(numbers, dtype=torch.float64, device=rung.device)[rung]

    def _answer(self, own: Caregiver, shown: dict[str, Tensor], guesses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of one caregiver: the answers left (N, B, S, K), whether a guess was called right, whether it spoke."""
        labels = shown["labels"].unsqueeze(-1).expand_as(guesses)
        meant = labels
        if "noise" in shown:
            wrong, which, name = shown["noise"].unbind(1)
            meant = own.meant(guesses, labels, wrong, which)
        if own.rung in ("hint", "label"):
            if "names" in shown:
                meant = shown["names"].gather(1, meant.flatten(1)).view_as(meant)
            elif self.gibberish == "inconsistent":
                meant = (name * own.classes).long().clamp(max=own.classes - 1)
        silent = own.rung == "none" or (self.gibberish == "silent" and own.rung in ("hint", "label"))
        possible = own.possible(guesses, labels, meant, shown.get("hint"))
        right = (meant == guesses) if own.rung != "none" else torch.zeros_like(guesses, dtype=torch.bool)
        return possible, right, torch.full_like(right, not silent)

    # ---- what it comes to ---------------------------------------------------------------------------------------

    def most(self, rows: int, samples: int) -> tuple[int, float]:
        """The events of a minibatch and their bits, of the rung that tells most."""
        spoken = [own for own in self.rungs if own.rung != "none"]
        if self.gibberish == "silent":
            spoken = [own for own in spoken if own.rung not in ("hint", "label")]
        words = self.speech.told_bits if self.speech else 0.0
        bits = (rows * samples * own.bits + rows * words * (own.rung == "explanation") for own in spoken)
        return rows * samples * bool(spoken), max(bits, default=0.0)

    def shapes(self, labelled: LabelledBatches, samples: int, naming: Naming | None) -> Shapes:
        """Shapes and dtypes of one learner's minibatch."""
        rows, classes = labelled.batch_size, self.rungs[0].classes
        each = (rows, samples)
        found = {"images": labelled.shapes["images"], "guesses": (each, torch.int64)}
        found |= {"possible": ((*each, classes), torch.bool), "right": (each, torch.bool), "heard": (each, torch.bool)}
        return {**found, **(self.speech.shapes(rows) if self.speech and naming else {})}

    def listening(self, brain: nn.Module, rows: int) -> int:
        """FLOPs of finding out which words about a minibatch are understood."""
        assert self.speech is not None
        words = len(self.speech.source.vocabulary)
        text = torch.empty(words, 1, dtype=torch.int64, device="meta")
        return flops.forward(brain, text, self.speech.sense, self.speech.head) + 2 * rows * words * self.speech.meanings
