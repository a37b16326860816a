"""What a life of several tasks kept, lost and carried over: arrays in, numbers out.

``R`` (..., S + 1, T) are scores, higher being better: row 0 at birth, row i at the end of stage i, one column a task.
``learned`` (T,) is the row at the end of the stage that teaches a task; as a rule task j belongs to stage j, and it is
1, 2, ..., T. Leading axes are learners. Every function gives (...,): the mean over the tasks that it speaks of, NaN
where there are none (nothing is learned before the last stage, so nothing can be forgotten) or a score is unknown.

Sources, by their numbers below:
[1] Lopez-Paz and Ranzato 2017, Gradient episodic memory for continual learning, arXiv 1706.08840
[2] Chaudhry et al. 2018, Riemannian walk for incremental learning, arXiv 1801.10112
[3] Riemer et al. 2019, Learning to learn without forgetting, arXiv 1810.11910
[4] Rebuffi et al. 2017, iCaRL, arXiv 1611.07725
[5] New et al. 2022, Lifelong learning metrics, arXiv 2201.08278 (the l2metrics set)
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devlearn.evidence.statistics.simultaneous_bands import Matrix

Rows = NDArray[np.int64]


def diagonal(tasks: int) -> Rows:
    """(T,) the rows of a life whose stage j teaches task j."""
    return np.arange(1, tasks + 1)


def average(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """The mean score over all tasks at the end of life: ACC of [1], retained accuracy of [3]."""
    return _mean(_scores(r)[..., -1, :], np.asarray(learned) > 0)


def learning_accuracy(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """The mean score of each task at the end of its own stage: R_jj [3]."""
    return _mean(_own(r, learned), np.asarray(learned) > 0)


def forgetting(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """How far each task fell from its best score: the mean over j < T of max(R_1j .. R_T-1,j) - R_Tj [2].

    Over the tasks that were learned before the last stage; birth is no row that one could forget. Lower is better.
    """
    scores = _scores(r)
    if scores.shape[-2] < 3:
        return np.full(scores.shape[:-2], np.nan)
    return _mean(scores[..., 1:-1, :].max(-2) - scores[..., -1, :], _before_last(scores, learned))


def backward_transfer(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """What later stages did to each task: the mean over j < T of R_Tj - R_jj, BWT of [1]."""
    scores = _scores(r)
    return _mean(scores[..., -1, :] - _own(r, learned), _before_last(scores, learned))


def forward_transfer(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """What earlier stages did for each task: the mean over j > 1 of R_j-1,j - R_0j, FWT of [1].

    The reference b_j of [1], a network with random weights, is the learner itself at birth.
    """
    scores = _scores(r)
    return _mean(_own(r, np.asarray(learned) - 1) - scores[..., 0, :], np.asarray(learned) > 1)


def intransigence(r: ArrayLike, learned: ArrayLike, expert: ArrayLike) -> Matrix:
    """How much worse a task was learned than by its expert: the mean over j of expert_j - R_jj. Lower is better.

    After I_k of [2], whose reference has learned tasks 1 to k jointly; ``expert`` (..., T) has learned j alone.
    """
    return _mean(np.asarray(expert, np.float64) - _own(r, learned), np.asarray(learned) > 0)


def area(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """The mean over stages of the mean score over the tasks learned so far: average incremental accuracy of [4].

    A_k of [2] is that mean after stage k; stages before any task is learned have none.
    """
    scores, rows = _scores(r), np.asarray(learned)
    over = [_mean(scores[..., k, :], rows <= k) for k in range(int(rows.min()), scores.shape[-2])]
    return np.asarray(np.stack(over, -1).mean(-1))


def performance_maintenance(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """How a task stood later than when it had just been learned: for each, the mean of R_ij - R_jj over i > j [5].

    It looks at all later stages, ``backward_transfer`` at the last one alone.
    """
    scores, rows = _scores(r), np.asarray(learned)
    each = [_mean(scores[..., :, j], np.arange(scores.shape[-2]) > row) for j, row in enumerate(rows.tolist())]
    return _mean(np.stack(each, -1) - _own(r, learned), _before_last(scores, learned))


def forward_contrast(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """Forward transfer of [5] as a contrast: (after - before) / (after + before), of each stage and each later task.

    The mean over all pairs of a stage i and a task j that is taught after it. Scores are at least 0; where both are 0
    nothing changed, and it is 0.
    """
    return _contrast(r, learned, lambda stage, row: stage < row)


def backward_contrast(r: ArrayLike, learned: ArrayLike) -> Matrix:
    """Backward transfer of [5] as a contrast: the same over all pairs of a stage and a task that was taught before."""
    return _contrast(r, learned, lambda stage, row: stage > row)


def relative_performance(own: ArrayLike, expert: ArrayLike) -> Matrix:
    """Performance relative to a single-task expert [5]: the mean over tasks of own_j / expert_j.

    Both (..., T) are the mean heights of learning curves over the same first part of a task's stage. Deviation: [5]
    takes the sum over training episodes; a curve of ours is what a probe measured, by trapezoids.
    """
    return _mean(_ratio(own, expert), np.ones(np.shape(own)[-1], bool))


def sample_efficiency(top: ArrayLike, took: ArrayLike, expert_top: ArrayLike, expert_took: ArrayLike) -> Matrix:
    """Sample efficiency against a single-task expert [5]: the mean of (top / its top) * (updates it took / took).

    All (..., T): the highest score of a task's learning curve, and the updates until it was first there. NaN where a
    task was at its top from the start. Deviation: [5] smoothes the curve of training episodes first.
    """
    return _mean(_ratio(top, expert_top) * _ratio(expert_took, took), np.ones(np.shape(top)[-1], bool))


def normalised(r: ArrayLike, zero: ArrayLike, one: ArrayLike) -> Matrix:
    """Scores (..., S + 1, T) with ``zero`` (T,) as 0, a network with random weights, and ``one`` (T,) as 1, the expert.

    NaN in a task whose expert learned nothing. Where lower is better ``one`` lies below ``zero``, and the scores turn.
    """
    low, high = np.asarray(zero, np.float64), np.asarray(one, np.float64)
    return _ratio(_scores(r) - low, high - low)


# ---- what they share ----


def _scores(r: ArrayLike) -> Matrix:
    return np.asarray(r, np.float64)


def _own(r: ArrayLike, rows: ArrayLike) -> Matrix:
    """(..., T) each task's score in its own row."""
    scores = _scores(r)
    return scores[..., np.asarray(rows), np.arange(scores.shape[-1])]


def _before_last(scores: Matrix, learned: ArrayLike) -> NDArray[np.bool_]:
    """(T,) which tasks were learned before the last stage."""
    return np.asarray(np.asarray(learned) < scores.shape[-2] - 1)


def _mean(values: Matrix, which: NDArray[np.bool_]) -> Matrix:
    """The mean over the last axis of those that count; NaN where none does."""
    kept = values[..., which]
    return np.asarray(kept.mean(-1)) if kept.shape[-1] else np.full(values.shape[:-1], np.nan)


def _ratio(above: ArrayLike, below: ArrayLike) -> Matrix:
    """above / below, NaN where that is nothing."""
    x, y = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    return np.asarray(np.divide(x, y, out=np.full(x.shape, np.nan), where=y != 0))


def _contrast(r: ArrayLike, learned: ArrayLike, counts: Callable[[int, int], bool]) -> Matrix:
    scores = _scores(r)
    found: Sequence[Matrix] = [
        _change(scores[..., stage - 1, task], scores[..., stage, task])
        for task, row in enumerate(np.asarray(learned).tolist())
        for stage in range(1, scores.shape[-2])
        if counts(stage, row)
    ]
    return np.asarray(np.stack(found, -1).mean(-1)) if found else np.full(scores.shape[:-2], np.nan)


def _change(before: Matrix, after: Matrix) -> Matrix:
    """(after - before) / (after + before); 0 where both are 0, NaN where a score is below 0."""
    found = np.where((before == 0) & (after == 0), 0.0, _ratio(after - before, after + before))
    return np.where((before < 0) | (after < 0), np.nan, found)
