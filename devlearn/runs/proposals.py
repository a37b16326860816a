"""What a sampler proposes to try next: a pure function of its seed, the trial's number and the trials before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from devlearn.scenario import Range
from devlearn.streams import generator

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from devlearn.records.schema.base import Better
    from devlearn.scenario import Tune


def propose(
    tune: Tune, number: int, tried: Sequence[tuple[Mapping[str, Any], float]], better: Better
) -> dict[str, Any]:
    """What trial ``number`` of an arm sets, by dotted path; ``tried`` are its sets before, with what they came to.

    Arms that came to the same are proposed the same: what is drawn is not the arm's own. Nothing has to be saved.
    """
    import optuna

    space = {path: _distribution(values) for path, values in tune.over.items()}
    with _quiet():
        upwards = optuna.study.StudyDirection.MAXIMIZE
        direction = upwards if better == "higher" else optuna.study.StudyDirection.MINIMIZE
        study = optuna.create_study(sampler=_sampler(tune, number), direction=direction)
        for values, mean in tried:
            known = {path: _drawn(tune, path, value) for path, value in values.items()}
            study.add_trial(optuna.trial.create_trial(params=known, distributions=space, value=mean))
        drawn = study.ask(space).params
    return {path: _value(tune, path, drawn[path]) for path in tune.over}


def _sampler(tune: Tune, number: int) -> BaseSampler:
    import optuna

    seed = int(generator(tune.sampler_seed, "tune", counter=number).integers(2**32))
    if tune.sampler == "random":
        return optuna.samplers.RandomSampler(seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=tune.startup)


def _distribution(values: Range | Sequence[Any]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(values, Range):
        return CategoricalDistribution(range(len(values)))
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _drawn(tune: Tune, path: str, value: Any) -> Any:
    """A value as the sampler knows it: one of a list by its place there."""
    values = tune.over[path]
    return value if isinstance(values, Range) else values.index(value)


def _value(tune: Tune, path: str, drawn: Any) -> Any:
    values = tune.over[path]
    return drawn if isinstance(values, Range) else values[drawn]


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of every study on stderr; how much it tells elsewhere is left as it was."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
