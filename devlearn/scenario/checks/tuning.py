"""What ``tune`` asks: its probe, its seeds and its paths."""

import importlib.util
from collections.abc import Mapping, Sequence

from devlearn.scenario.parts import Item, Lookup, Piece, metric, no_test_split
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.tune_models import Range, Tune
from devlearn.scenario.yaml_nodes import List, Map


def tuning(
    tune: Tune | None,
    root: Map,
    seeds: Sequence[int],
    arms: Mapping[str, Sequence[Item]],
    probes: Lookup,
    stages: Lookup,
    problems: Problems,
) -> None:
    """The probe, the seeds and the paths of ``tune``."""
    written = root.get("tune")
    if tune is None or not isinstance(written, Map):
        return
    piece = Piece("tune", "", Tune, tune, written, root.entries["tune"].mark)
    found = metric(tune.probe, piece.value("probe"), probes, problems)
    if found is not None:
        _probe(found[0], found[1], piece, stages, probes, problems)
    _seeds(tune.seeds, seeds, piece, problems)
    items = [item for lived in arms.values() for item in lived]
    over = written.get("over")
    if all(isinstance(values, list) and len(values) == 1 for values in tune.over.values()):
        problems.add(piece.key("over"), "there is one trial, so nothing to choose; give a path two values or more")
    _sampler(tune, piece, problems)
    for path, values in tune.over.items():
        node = over.get(path) if isinstance(over, Map) else None
        if isinstance(values, Range) and isinstance(node, Map):
            _range(path, values, node, tune, problems)
    for path, entry in over.entries.items() if isinstance(over, Map) else ():
        _path(path, entry.mark, items, stages, problems)
        _shared(path, entry.mark, arms, stages, problems)
        _varied(path, entry.mark, root, problems)


def _probe(probe: Piece, name: str, tune: Piece, stages: Lookup, probes: Lookup, problems: Problems) -> None:
    no_test_split(probe, stages, probes, "tune", tune.value("probe"), problems)
    if probe.model.worst is None and probe.model.named_metrics()[name].worst is None:
        why = f"what a learner that diverged counts as in {name}"
        problems.add(probe.mark, f"probe {probe.name!r} chooses between trials and needs 'worst': {why}")


def _sampler(tune: Tune, piece: Piece, problems: Problems) -> None:
    """A grid is tried whole; a sampler needs a number of trials, and its package."""
    if tune.sampler == "grid":
        for key in sorted({"trials", "startup", "sampler_seed"} & piece.node.entries.keys()):
            problems.add(piece.key(key), f"{key} is for sampler: tpe or random; a grid tries every value")
        return
    if tune.trials is None:
        problems.add(piece.value("sampler"), f"{tune.sampler} needs 'trials': how many each arm has")
    elif tune.sampler == "tpe" and tune.startup >= tune.trials:
        why = (
            f"tpe draws the first {tune.startup} trials at random (startup), so {tune.trials} leave it none to propose"
        )
        problems.add(piece.value("trials"), f"{why}; give more trials, or a lower startup")
    if tune.sampler == "random" and "startup" in piece.node.entries:
        problems.add(piece.key("startup"), "startup is for sampler: tpe; random draws all of its trials at random")
    if importlib.util.find_spec("optuna") is None:
        needs = "needs the package optuna: pip install 'devlearn[optuna]'"
        problems.add(piece.value("sampler"), f"sampler {tune.sampler} {needs}")


def _range(path: str, values: Range, node: Map, tune: Tune, problems: Problems) -> None:
    def at(key: str) -> Mark:
        return node.entries[key].node.mark if key in node.entries else node.mark

    if tune.sampler == "grid":
        why = f"a grid tries the values of a list, and {path} is a range"
        problems.add(node.mark, f"{why}; write a list, or add 'sampler: tpe' and 'trials'")
    if values.low >= values.high:
        problems.add(at("low"), f"low must be less than high, got {values.low:g} and {values.high:g}")
    if values.log and values.low <= 0:
        problems.add(at("low"), f"low must be greater than 0 where log is true, got {values.low:g}")


def _seeds(own: Sequence[int], scenario: Sequence[int], tune: Piece, problems: Problems) -> None:
    listed = tune.node.get("seeds")
    marks = [item.mark for item in listed.items] if isinstance(listed, List) else []
    for index, (seed, mark) in enumerate(zip(own, marks, strict=False)):
        if seed in scenario:
            problems.add(mark, f"seed {seed} is one of the scenario's; tune on others")
        if seed in own[:index]:
            problems.add(mark, f"seed {seed} stands twice")


def _path(path: str, mark: Mark, items: Sequence[Item], stages: Lookup, problems: Problems) -> None:
    """A path leads to a key of a stage, which no arm sets for itself."""
    section, *rest = path.split(".")
    if section != "stages" or len(rest) < 2:
        problems.add(mark, f"tune goes below stages, as in stages.school.lr; {path!r} does not")
        return
    name, key = rest[:2]
    if stages and name not in stages:
        problems.add(mark, f"no such path: stages has no {name!r}{hint(name, stages)}")
    if key == "kind":
        problems.add(mark, "kind can't be tuned; make an arm of it")
    for item in items:
        changes = item.node.get("set")
        if item.use == name and isinstance(changes, Map) and key in changes.entries:
            problems.add(
                changes.entries[key].mark, f"an arm can't set {key} of {name!r} itself where tune tries {path}"
            )


def _shared(path: str, mark: Mark, arms: Mapping[str, Sequence[Item]], stages: Lookup, problems: Problems) -> None:
    """Every arm lives the stage: the others would choose among trials that are all the same."""
    _, name, *_ = (*path.split("."), "")
    without = [arm for arm, items in arms.items() if items and name not in {item.use for item in items}]
    if name in stages and without:
        several = len(without) > 1
        who = f"arm{'s' * several} {', '.join(map(repr, without))} {'do' if several else 'does'}"
        why = f"{who} not live {name!r} and would have nothing to choose"
        problems.add(mark, f"{why}; tune a stage that all arms share, or give each arm a run of its own")


def _varied(path: str, mark: Mark, root: Map, problems: Problems) -> None:
    vary = root.get("vary")
    maps = [vary] if isinstance(vary, Map) else vary.items if isinstance(vary, List) else ()
    for other in dict.fromkeys(name for node in maps if isinstance(node, Map) for name in node.entries):
        if within(path, other) or within(other, path):
            problems.add(mark, f"tune and vary both set {path}; keep one")


def within(path: str, other: str) -> bool:
    """Whether ``path`` is ``other`` or lies below it."""
    return path == other or path.startswith(other + ".")
