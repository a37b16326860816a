"""A caregiver who knows the answer: what it says of a guess, what is still possible then, and how much that tells."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

Rung = Literal["none", "judgement", "distance", "hint", "explanation", "label"]
Gibberish = Literal["none", "inconsistent", "consistent", "silent"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
JUDGED = ("none", "judgement", "explanation")  # what says no more of the answers than right or wrong
NAMED = ("hint", "label", "explanation")  # what is said in words


@dataclass(frozen=True)
class Caregiver:
    """What is said of guesses among K = ``classes`` answers, on one rung.

    ``answers`` are those that a hint leaves, ``noise`` is the share of what is said that is wrong: it would be right if
    another class were, drawn uniformly among those of which something else would be said.
    """

    rung: Rung
    classes: int
    answers: int = 1
    noise: float = 0.0

    def said(self, guesses: Tensor) -> Tensor:
        """What is said of guesses (..), for each class that may be the right one: numbers (.., K)."""
        every = torch.arange(self.classes, device=guesses.device)
        if self.rung == "distance":
            return (every - guesses.unsqueeze(-1)).sign()
        if self.rung in JUDGED:
            return (every == guesses.unsqueeze(-1)).long()
        return every.expand(*guesses.shape, -1)

    def meant(self, guesses: Tensor, labels: Tensor, wrong: Tensor, which: Tensor) -> Tensor:
        """The class that is spoken of, (..): the label, or another where ``wrong`` < noise.

        ``wrong`` and ``which`` (..) are uniform in [0, 1).
        """
        said = self.said(guesses)
        others = said != said.gather(-1, labels.unsqueeze(-1))  # (.., K)
        rank = (which * others.sum(-1)).long().clamp(max=self.classes - 1)
        other = (others.cumsum(-1) <= rank.unsqueeze(-1)).sum(-1).clamp(max=self.classes - 1)
        return torch.where((wrong < self.noise) & others.any(-1), other, labels)

    def possible(self, guesses: Tensor, labels: Tensor, meant: Tensor, keys: Tensor | None = None) -> Tensor:
        """The answers that are left: (.., K) bool. ``keys`` (.., K), uniform in [0, 1), choose those of a hint."""
        if self.rung == "none":
            return torch.ones(*guesses.shape, self.classes, dtype=torch.bool, device=guesses.device)
        if self.rung != "hint":
            said = self.said(guesses)
            return said == said.gather(-1, meant.unsqueeze(-1))
        assert keys is not None
        every = torch.arange(self.classes, device=guesses.device)
        keys = keys.masked_fill(every == labels.unsqueeze(-1), 2.0)  # a wrong hint leaves the right one out
        keys = keys.masked_fill(every == meant.unsqueeze(-1), -1.0)
        chosen = keys.topk(self.answers, largest=False).indices
        return torch.zeros_like(keys, dtype=torch.bool).scatter(-1, chosen, True)

    @property
    def bits(self) -> float:
        """The mutual information of what is said and the label, for a uniform label and a uniform guess.

        Without noise ``log2 K`` for the label, ``log2(K / s)`` for a hint, ``H(1/K)`` for right or wrong. Words that
        describe are not counted here.
        """
        if self.rung == "none":
            return 0.0
        if self.rung == "hint":
            sets, with_it = math.comb(self.classes, self.answers), math.comb(self.classes - 1, self.answers - 1)
            right, wrong = (1 - self.noise, with_it), (self.noise, sets - with_it)
            return math.log2(sets) + sum(p * math.log2(p / count) for p, count in (right, wrong) if p)
        told = self._channel()  # (K guesses, K labels, outcomes)
        return float((_entropy(told.mean(1)) - _entropy(told).mean(1)).mean())

    def doubts(self) -> Iterator[tuple[str, str]]:
        """That so much of it is wrong that it tells nothing, or the more the more often it is wrong."""
        better = replace(self, noise=max(0.0, self.noise - 0.01))
        if self.noise and (self.bits < 1e-9 or better.bits <= self.bits):
            why = f"with noise {self.noise:g} a caregiver's {self.rung} tells nothing, or the opposite of what is right"
            yield "noise", f"{why}: nothing can be learned of it but that; lower noise"

    def _channel(self) -> NDArray[np.float64]:
        """The probability of all that may be said, for every guess and label: (K, K, outcomes)."""
        said = self.said(torch.arange(self.classes)).numpy()
        outcomes = np.unique(said)
        is_said = said[:, :, None] == outcomes  # (K, K, O)
        labels = is_said.sum(1, keepdims=True) * ~is_said  # labels of which something else is said
        total = labels.sum(-1, keepdims=True)
        others = np.divide(labels, total, out=np.zeros(labels.shape), where=total > 0)
        noise = np.where(total > 0, self.noise, 0.0)
        found: NDArray[np.float64] = (1 - noise) * is_said + noise * others
        return found


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bits of distributions (.., O)."""
    found: NDArray[np.float64] = -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1)
    return found
