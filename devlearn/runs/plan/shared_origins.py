"""Which seeds of an arm share something learned, under one name for whatever goes by several."""

from collections.abc import Iterable, Mapping, Sequence

from devlearn.records.genome_file import TENSORS
from devlearn.stages.stage import Stage


def origin_names(lives: Iterable[tuple[Sequence[int], Iterable[Stage]]]) -> dict[str, str]:
    """One name for each name of a life, over (seeds, stages) of all arms: what one file says of itself is one life."""
    group: dict[str, set[str]] = {}
    for seeds, stages in lives:
        for stage in stages:
            for names in dict.fromkeys(stage.origin_ids(seed) for seed in seeds):
                joined = set(names).union(*(group.get(name, ()) for name in names))
                group |= dict.fromkeys(joined, joined)
    return {name: min(joined, key=_plainer) for name, joined in group.items()}


def _plainer(name: str) -> tuple[bool, str]:
    return name.startswith(TENSORS), name


def lineages(stages: Iterable[Stage], seeds: Sequence[int], same: Mapping[str, str]) -> dict[int, str]:
    """The name of what each seed shares with others (a genome, a demonstrator); empty where no stage shares a thing.

    Seeds that share one thing here and another there are of one lineage; a seed that shares nothing is its own.
    """
    names = [{seed: _shared(stage, seed, same) for seed in seeds} for stage in stages]
    found = {seed: f"seed {seed}" for seed in seeds}
    for shared in names:
        for name in sorted({name for name in shared.values() if name is not None}):
            joined = {found[seed] for seed in seeds if shared[seed] == name}
            found = {seed: name if own in joined else own for seed, own in found.items()}
    return found if any(name is not None for shared in names for name in shared.values()) else {}


def _shared(stage: Stage, seed: int, same: Mapping[str, str]) -> str | None:
    kin = stage.origin_ids(seed)
    return same[kin[0]] if kin else stage.lineage(seed)
