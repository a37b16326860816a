"""What a caregiver says of pictures in words, and the sense and the head by which it is understood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs, Sense
from devlearn.learners.objectives import Naming
from devlearn.registry import nearest
from devlearn.stages.shared.draws import uniform
from devlearn.tasks.data import descriptions, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from devlearn.learners.flops import Shapes
    from devlearn.stages.context import Context
    from devlearn.stages.shared.feedback import Gibberish
    from devlearn.tasks.data import DataSource


@dataclass(frozen=True)
class Speech:
    """Words about the pictures of a split: for each of its A attributes one, as far as it is among those ``said``.

    ``said`` is empty for all words, ``gibberish`` the stage's key ``sham``. ``noise`` is the share of words that are
    wrong: another of the same attribute. Draws from the streams ``words`` and ``gibberish``.
    """

    data: str
    said: tuple[str, ...] = ()
    gibberish: Gibberish = "none"
    noise: float = 0.0
    meanings: int = 16

    def check(self) -> None:
        """Raises ValueError where there are no words, or one is said that there is not."""
        vocabulary = self.source.vocabulary
        if not vocabulary:
            raise ValueError(f"nothing is said of {self.source.key} in words: it has no 'attributes'")
        if (unknown := next((word for word in self.said if word not in vocabulary), None)) is not None:
            near = nearest(unknown, vocabulary)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(vocabulary)}"
            raise ValueError(f"{unknown!r} is no word of {self.source.key}; {hint}")
        if (twice := next((word for word in self.said if self.said.count(word) > 1), None)) is not None:
            raise ValueError(f"{twice!r} is named twice; name every word once")

    def doubts(self) -> Iterator[tuple[str, str]]:
        """That words of an attribute are wrong as often as words drawn at random, or more often."""
        fewest = min(len(own) for own in self.source.attributes.values() if not self.said or set(self.said) & set(own))
        if self.noise and self.noise >= 1 - 1 / fewest:
            why = f"noise {self.noise:g} makes words wrong as often as drawn ones, or more often"
            yield "noise", f"{why}: nothing right can be learned of them; lower it, or take sham: inconsistent"

    @property
    def source(self) -> DataSource:
        return source_of(self.data)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many words each attribute has."""
        return tuple(len(words) for words in self.source.attributes.values())

    @property
    def head(self) -> str:
        return self.source.head_for("meaning")

    @property
    def sense(self) -> str:
        return self.source.head_for("words")

    @property
    def needs(self) -> Needs:
        """The sense of words, and the head by which pictures and words have meanings."""
        words = self.source.vocabulary
        heard = Sense(spaces.Box(0, len(words), (1,), np.int64), words=words)
        return Needs({**self.source.senses, self.sense: heard}, {self.head: Head(self.meanings)})

    @property
    def objective(self) -> Naming:
        return Naming(self.source.sense_name, self.sense, self.head, self.sizes)

    @property
    def bits(self) -> tuple[float, ...]:
        """What a word of each attribute can tell at most: the logarithm of how many there are."""
        return tuple(math.log2(size) for size in self.sizes)

    @property
    def told_bits(self) -> float:
        """What all words that may be said of one image can tell at most."""
        words = self.source.attributes.values()
        said = [self.gibberish != "silent" and (not self.said or bool(set(self.said) & set(own))) for own in words]
        return sum(bits for bits, some in zip(self.bits, said, strict=True) if some)

    def shapes(self, batch: int) -> Shapes:
        """Shapes and dtypes of what it adds to one learner's minibatch."""
        words = (batch, len(self.sizes))
        text = ((len(self.source.vocabulary), 1), torch.int64)
        return {"text": text, "words": (words, torch.int64), "spoken": (words, torch.bool)}

    def text(self, context: Context) -> Tensor:
        """The vocabulary, for every learner: (N, V, 1)."""
        words = torch.arange(1, 1 + len(self.source.vocabulary), device=context.device)
        return words[:, None].expand(len(context.seeds), -1, 1)

    def about(self, places: Iterator[Tensor], batch: int, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """``text``, ``words`` and ``spoken`` (N, B, A) about images at ``places`` (N, B), after ``done`` of them."""
        every, text = descriptions(self.data, context.device), self.text(context)
        sizes = torch.tensor(self.sizes, device=context.device)
        told, renamed = self._told(context), self._renamed(context)
        draws = uniform(context, "words", (2, batch, len(self.sizes)), done) if self._draws else None
        for index in places:
            words = every[index]  # (N, B, A)
            spoken = torch.stack([told[i][words[..., i]] for i in range(len(self.sizes))], -1)
            if draws is not None:
                wrong, which = next(draws).unbind(1)  # (N, B, A)
                turn = 1 + (which * (sizes - 1)).long().clamp(max=sizes - 2)
                words = torch.where(wrong < self.noise, (words + turn) % sizes, words)
                if self.gibberish == "inconsistent":
                    words = (which * sizes).long().clamp(max=sizes - 1)
            if renamed is not None:
                words = torch.stack([own.gather(1, words[..., i]) for i, own in enumerate(renamed)], -1)
            yield {"text": text, "words": words, "spoken": spoken}

    def told(self, spoken: Tensor) -> dict[str, Tensor]:
        """What it comes to that words were ``spoken`` (N, B, A) of images: events and bits, (N,) each."""
        each = torch.tensor(self.bits, dtype=torch.float64, device=spoken.device)
        return {"feedback_events": spoken.any(-1).sum(1), "feedback_bits": (spoken.sum(1) * each).sum(-1)}

    @property
    def _draws(self) -> bool:
        return self.noise > 0 or self.gibberish == "inconsistent"

    def _told(self, context: Context) -> list[Tensor]:
        """Whether each word of each attribute is said: (V_a,) bool each."""
        heard = self.gibberish != "silent"
        return [
            torch.tensor([heard and (not self.said or word in self.said) for word in words], device=context.device)
            for words in self.source.attributes.values()
        ]

    def _renamed(self, context: Context) -> list[Tensor] | None:
        """The words of a caregiver who calls everything otherwise, but always so: (N, V_a) each."""
        if self.gibberish != "consistent":
            return None
        drawn = (context.streams("gibberish", counter=i).permutation(size) for i, size in enumerate(self.sizes, 1))
        return [torch.from_numpy(words).to(context.device) for words in drawn]
