"""Actions of several factors: choices and numbers that are drawn independently of each other from one actor's output.

Log-probabilities and entropies of independent factors add up. Where only some options are allowed (a *mask*), the
others have probability zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from devlearn.lazy import F, torch

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.streams import Streams


def categorical(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of actions (B,) and entropy (B,) under logits (B, A)."""
    log_p = F.log_softmax(logits, -1)
    return log_p.gather(-1, actions.unsqueeze(-1)).squeeze(-1), -(log_p.exp() * log_p).sum(-1)


def gaussian(parameters: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-density of actions (B, A) and entropy (B,) under a diagonal Gaussian: means, log deviations (B, 2A)."""
    mean, log_std = parameters.chunk(2, -1)
    half_log_tau = 0.9189385332046727  # log(2 pi) / 2
    log_p = -0.5 * ((actions - mean) * (-log_std).exp()).square() - log_std - half_log_tau
    return log_p.sum(-1), (log_std + 0.5 + half_log_tau).sum(-1)


@dataclass(frozen=True)
class Factors:
    """What an action is made of: a choice for each number of options in ``choices``, then ``numbers`` Gaussian ones.

    The actor's output is (B, outputs): the logits of all choices side by side, then the means; with numbers, twice as
    many, as of a Gaussian head: the second half are log standard deviations, of which those in the places of logits
    mean nothing. Actions are (B,) int64 for a lone choice, (B, K) int64 for several, (B, A) for numbers alone, and
    (B, K + A) of the output's type for both, choices first. Masks are (B, O) bool over the O options of all choices.
    """

    choices: tuple[int, ...] = ()
    numbers: int = 0

    @property
    def options(self) -> int:
        """O: of all choices together."""
        return sum(self.choices)

    @property
    def outputs(self) -> int:
        """Logits and means."""
        return self.options + self.numbers

    @property
    def discrete(self) -> bool:
        """Whether there are choices alone."""
        return not self.numbers

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one action."""
        columns = len(self.choices) + self.numbers
        return () if columns == 1 and self.discrete else (columns,)

    def noise(self, streams: Streams, *shape: int) -> Tensor:
        """The randomness of sampled actions, (N, *shape, outputs): Gumbel for choices, normal for numbers."""
        parts = []
        if self.choices:
            parts.append(torch.from_numpy(streams.exponential(*shape, self.options)).log_().neg_())
        if self.numbers:
            parts.append(torch.from_numpy(streams.normal(*shape, self.numbers)))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    def sample(self, output: Tensor, noise: Tensor, mask: Tensor | None = None) -> Tensor:
        """Actions from the actor's output and noise (B, outputs)."""
        logits, mean, log_std = self._split(output, mask)
        drawn = mean + log_std.exp() * noise[..., self.options :] if self.numbers else mean
        return self._action(logits + noise[..., : self.options] if self.choices else logits, drawn)

    def greedy(self, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """The likeliest actions."""
        logits, mean, _ = self._split(output, mask)
        return self._action(logits, mean)

    def judge(self, output: Tensor, actions: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probability (or density) of actions and entropy, (B,) each."""
        if not self.choices:
            return gaussian(output, actions)
        logits, mean, log_std = self._split(output, mask)
        if not self.shape:
            return categorical(logits, actions)
        judged = []
        for first, column, count, options in self._alike():
            alike = logits[..., first : first + count * options].unflatten(-1, (count, options))
            each = categorical(alike, actions[..., column : column + count].long())  # (B, count) each
            judged.append((each[0].sum(-1), each[1].sum(-1)))
        if self.numbers:
            judged.append(gaussian(torch.cat([mean, log_std], -1), actions[..., len(self.choices) :]))
        log_p, entropy = zip(*judged, strict=True)
        return torch.stack(log_p).sum(0), torch.stack(entropy).sum(0)

    def moved(self, output: Tensor, reflex: Tensor, gate: Tensor | None = None) -> Tensor:
        """The actor's output with what a reflex says (B, O) added to logits and means.

        A ``gate`` (B, 1) scales the reflex by 1 + its number.
        """
        added = reflex if gate is None else (1 + gate) * reflex
        if not self.numbers:
            return output + added
        means, deviations = output.chunk(2, -1)
        return torch.cat([means + added, deviations], -1)

    def _split(self, output: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, O), means (B, A) and log standard deviations (B, A).

        What a mask forbids is as unlikely as a number can say: its share is zero, and nothing becomes nan.
        """
        means, deviations = output.chunk(2, -1) if self.numbers else (output, output)
        logits = means[..., : self.options]
        if mask is not None:
            logits = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
        return logits, means[..., self.options :], deviations[..., self.options :]

    def _action(self, logits: Tensor, numbers: Tensor) -> Tensor:
        """The likeliest option of every choice, and numbers behind them."""
        if not self.shape:
            return logits.argmax(-1)
        chosen = [
            logits[..., first : first + count * options].unflatten(-1, (count, options)).argmax(-1)
            for first, _, count, options in self._alike()
        ]
        if not self.numbers:
            return torch.cat(chosen, -1)
        return torch.cat([*(each.to(numbers.dtype) for each in chosen), numbers], -1) if chosen else numbers

    def _alike(self) -> Iterator[tuple[int, int, int, int]]:
        """Runs of choices with equally many options: the first logit, the first column, how many choices, options."""
        first = column = 0
        for options, run in groupby(self.choices):
            count = len(list(run))
            yield first, column, count, options
            first, column = first + count * options, column + count
