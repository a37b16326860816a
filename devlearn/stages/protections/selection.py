"""Which images of a stage that is over are kept: equal shares for every class of every stage so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devlearn.lazy import F, torch
from devlearn.stages.protections.memory import FILLED, IMAGES, LABELS, SEEN, STAGES, as_bytes, rehearsed
from devlearn.tasks.data import gathered

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from devlearn.stages.protections.protection import Protecting

    Choice = Callable[[int, NDArray[np.int64], int, np.random.Generator], NDArray[np.int64]]

CHUNK = 512  # images whose features are asked for at once
TIE = 1e-6  # squared distances between unit vectors that differ by less are alike: of two images both are as near to
# their mean, and rounding must not choose, which differs between cohorts


def quotas(there: NDArray[np.int64], size: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of each group, of which so many are ``there``, share ``size`` slots as equally as can be.

    What a group does not have goes to the others; what is left over, one each, to the first groups of ``order``.
    """
    shares = np.zeros_like(there)
    while (left := size - shares.sum()) and (open_ := there > shares).any():
        if each := left // open_.sum():
            shares = np.where(open_, np.minimum(there, shares + each), shares)
        else:
            shares[[group for group in order if open_[group]][:left]] += 1
    return shares


def refill(at: Protecting, choose: Choice) -> None:
    """Fill the slots anew when a stage is over, from what they hold and from its labelled images.

    ``choose`` is told the learner, which of its labelled images (L,) are of a class, how many, and a generator. It
    gives places in L, those first that shall stay longest: of a class that loses slots later the first ones stay.
    """
    labelled, kept, number = rehearsed(at.stage), at.kept, at.earlier
    data, index = labelled.dataset(at.context), labelled.indices(at.context)  # (N, L)
    labels = labelled.task.targets(data.labels[index]).cpu().numpy()
    size = kept[LABELS].shape[1]
    for row, rng in enumerate(at.context.streams("protect", "selection").generators):
        held = int(kept[FILLED][row])
        before = np.stack([kept[name][row, :held].cpu().numpy() for name in (STAGES, LABELS)], 1)
        groups = [np.flatnonzero((before == group).all(1)) for group in np.unique(before, axis=0)]
        new = [np.flatnonzero(labels[row] == label) for label in np.unique(labels[row])]
        there = np.array([len(group) for group in (*groups, *new)])
        shares = quotas(there, size, rng.permutation(len(there)))
        stay = np.concatenate([np.empty(0, np.int64), *(g[:share] for g, share in zip(groups, shares, strict=False))])
        come = np.concatenate(
            [choose(row, group, share, rng) for group, share in zip(new, shares[len(groups) :], strict=True)]
        )
        _write(kept, row, torch.from_numpy(stay), data.images, index[row], labels[row], come, number)
        kept[FILLED][row] = len(stay) + len(come)
        kept[SEEN][row] += labels.shape[1]


def _write(
    kept: dict[str, Tensor],
    row: int,
    stay: Tensor,
    images: Tensor,
    index: Tensor,
    labels: NDArray[np.int64],
    come: NDArray[np.int64],
    number: int,
) -> None:
    """Put one learner's images that stay, then those that come, into its first slots."""
    device, both = index.device, len(stay) + len(come)
    new = {
        IMAGES: as_bytes(gathered(images, index[torch.from_numpy(come).to(device)])),
        LABELS: torch.from_numpy(labels[come]).to(device, torch.int16),
        STAGES: torch.full((len(come),), number, dtype=torch.int16, device=device),
    }
    for name, values in new.items():
        kept[name][row, :both] = torch.cat([kept[name][row, stay.to(device)], values])


def at_random(row: int, group: NDArray[np.int64], share: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many of a group, each as likely as any other."""
    return rng.choice(group, share, replace=False)


def herded(at: Protecting) -> Choice:
    """The choice of those whose mean is nearest to that of their class, in the features of the last hidden layer."""
    labelled = rehearsed(at.stage)
    data, index = labelled.dataset(at.context), labelled.indices(at.context)
    sense, parts = labelled.source.sense_name, []
    with torch.no_grad():
        for places in index.split(CHUNK, 1):
            parts.append(at.cohort.features(gathered(data.images, places), sense)[-1])
    features = F.normalize(torch.cat(parts, 1), dim=-1)  # (N, L, D)

    def choose(row: int, group: NDArray[np.int64], share: int, rng: np.random.Generator) -> NDArray[np.int64]:
        places = torch.from_numpy(group).to(features.device)
        chosen: NDArray[np.int64] = group[nearest_to_mean(features[row, places], share).cpu().numpy()]
        return chosen

    return choose


def nearest_to_mean(features: Tensor, count: int) -> Tensor:
    """``count`` of M, one after another: each brings the mean of those so far nearest to that of all, (M, D)."""
    mean, total = features.mean(0), torch.zeros_like(features[0])
    free = torch.zeros(len(features), dtype=features.dtype, device=features.device)
    found = []
    for k in range(1, count + 1):
        away = (mean - (total + features) / k).square().sum(-1) + free
        nearest = (~(away > away.min() + TIE)).nonzero()[0, 0]  # of a diverged learner, whose are NaN, the first
        total = total + features[nearest]
        free[nearest] = torch.inf
        found.append(nearest)
    return torch.stack(found) if found else torch.empty(0, dtype=torch.int64, device=features.device)
