"""``tune``: its trials, the scenario that lives them all, and the one in which each arm has its choice."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from devlearn.scenario.build import build
from devlearn.scenario.checks.stages import Checks
from devlearn.scenario.models import Scenario
from devlearn.scenario.problems import Mark, Problems
from devlearn.scenario.validate import text_of
from devlearn.scenario.variations import Point, Setting, apply, describe, products
from devlearn.scenario.yaml_nodes import Entry, Leaf, List, Map, Node, plain, show

DROPPED = ("tune", "vary", "compare", "seeds", "probes")
NOTHING: Checks = {}
SAMPLERS = ("tpe", "random")  # what proposes trials of ranges
TRIAL = "trial"  # the key of a trial's number in its point
Sets = Mapping[str, Mapping[str, Any]]  # {arm: {path: value}}


def trials(root: Map, problems: Problems) -> list[Point]:
    """What every trial sets: the product of ``over``, in the order written.

    What a sampler will propose is not known yet: the ends of each range stand for it.
    """
    tune = root.get("tune")
    over = tune.get("over") if isinstance(tune, Map) else None
    if not isinstance(tune, Map) or not isinstance(over, Map) or not over.entries:
        return []
    if text_of(tune.get("sampler")) in SAMPLERS:
        return _examples(over)
    if any(isinstance(entry.node, Map) for entry in over.entries.values()):
        return []  # ranges are for samplers, which is said where tune is checked
    found = products("the trials of tune", over, tune.entries["over"].mark, problems)
    values = [describe(trial) for trial in found]
    for index, trial in enumerate(found):
        if values[index] in values[:index]:
            problems.add(trial[0].mark, f"the trial {show(values[index])} stands twice")
    return found


def count(root: Map, found: Sequence[Point]) -> int:
    """How many trials there will be: those that were ``found``, or as many as a sampler is asked for."""
    tune = root.get("tune")
    asked = tune.get("trials") if isinstance(tune, Map) and text_of(tune.get("sampler")) in SAMPLERS else None
    return asked.value if isinstance(asked, Leaf) and isinstance(asked.value, int) else len(found)


def _examples(over: Map) -> list[Point]:
    """Trials that set every value of a list and the ends of every range at least once."""
    axes = [[Setting(path, node, entry.mark) for node in _values(entry.node)] for path, entry in over.entries.items()]
    if not all(axes):
        return []
    return [tuple(axis[number % len(axis)] for axis in axes) for number in range(max(map(len, axes)))]


def _values(node: Node) -> list[Node]:
    """The items of a list; the ends of a range, and a number that is no whole one; nothing where neither is written."""
    if isinstance(node, List):
        return list(node.items)
    ends = [node.get(key) for key in ("low", "high")] if isinstance(node, Map) else []
    numbers = [end for end in ends if isinstance(end, Leaf) and type(end.value) in (int, float)]
    if len(numbers) < 2:
        return []
    broken = [Leaf(end.value + 0.5, node.mark) for end in numbers[:1] if isinstance(end.value, float)]
    return [*numbers, *(broken if all(float(str(end.value)).is_integer() for end in numbers) else ())]


def source(scenario: Scenario) -> str:
    """The scenario as one text (JSON, so YAML too): bases merged, overrides laid over it."""
    return json.dumps(plain(scenario._source))


def experiment(scenario: Scenario) -> Scenario:
    """Every arm at every trial, on the seeds of ``tune``: a scenario whose points are those of ``vary`` x the trials.

    It measures what chooses and what opens a gate; none of these probes reads a test split. Point p * T + t is trial t
    of T at point p.

    Raises:
        ScenarioError: a trial that is not allowed at some point of ``vary``.
    """
    problems = Problems()
    found = [
        (
            dict(point) | describe(trial),
            build(apply(_only(at._source, at), trial, problems), problems, NOTHING),
        )
        for point, at in scenario._points or (({}, scenario),)
        for trial in trials(scenario._source, problems)
    ]
    return _of_points(scenario, found, problems)


def search(scenario: Scenario, proposed: Sequence[Sequence[Sets]]) -> Scenario:
    """The same of trials that a sampler proposed: for each point of ``vary``, what each trial sets in each arm.

    Every trial is a point, which tells its number under ``trial`` and what it sets under ``ARM: PATH``.

    Raises:
        ScenarioError: a trial that is not allowed at some point of ``vary``.
    """
    problems, found = Problems(), list[tuple[dict[str, Any], Scenario | None]]()
    for (point, at), rounds in zip(scenario._points or (({}, scenario),), proposed, strict=True):
        for number, arms in enumerate(rounds):
            root = _only(at._source, at)
            for arm, values in arms.items():
                root = _set(root, arm, _settings(scenario._source, values), problems)
            tried = {tried_key(arm, path): value for arm, values in arms.items() for path, value in values.items()}
            found.append((dict(point) | {TRIAL: number} | tried, build(root, problems, NOTHING)))
    return _of_points(scenario, found, problems)


def tried_key(arm: str, path: str) -> str:
    """The key of a trial's point under which stands what it sets in an arm."""
    return f"{arm}: {path}"


def _settings(root: Map, values: Mapping[str, Any]) -> Point:
    """What a trial or a choice sets, as it would be written where ``over`` stands."""
    tune = root.entries["tune"].node
    over = tune.get("over") if isinstance(tune, Map) else None
    assert isinstance(over, Map)
    return tuple(
        Setting(path, _node(over.entries[path], value), over.entries[path].mark) for path, value in values.items()
    )


def _node(entry: Entry, value: Any) -> Node:
    listed = entry.node.items if isinstance(entry.node, List) else ()
    return next((item for item in listed if plain(item) == value), Leaf(value, entry.mark))


def _of_points(
    scenario: Scenario, found: Sequence[tuple[dict[str, Any], Scenario | None]], problems: Problems
) -> Scenario:
    base = build(_only(scenario._source, scenario), problems, NOTHING)
    problems.check()
    assert base is not None
    base._points = tuple((point, built) for point, built in found if built is not None)
    return base


def _only(root: Map, scenario: Scenario) -> Map:
    """The tree with the seeds and the probes of ``tune``, and without what is asked later."""
    tune, probes = root.entries["tune"], root.entries["probes"]
    assert scenario.tune is not None and isinstance(tune.node, Map) and isinstance(probes.node, Map)
    wanted = {scenario.tune.probe.partition(".")[0], *_gates(scenario)}
    measured = Map({name: entry for name, entry in probes.node.entries.items() if name in wanted}, probes.node.mark)
    question = Map({"probe": tune.node.entries["probe"]}, tune.mark)
    kept = {key: entry for key, entry in root.entries.items() if key not in DROPPED}
    own = {
        "seeds": tune.node.entries["seeds"],
        "probes": Entry(probes.mark, measured),
        "compare": Entry(tune.mark, question),
    }
    return Map(kept | own, root.mark)


def _gates(scenario: Scenario) -> Iterable[str]:
    """The probes that open gates."""
    lived = [*scenario.stages.values(), *(step.stage for arm in scenario.arms.values() for step in arm.steps)]
    return (stage.until.probe.partition(".")[0] for stage in lived if getattr(stage, "until", None) is not None)


def settled(scenario: Scenario, picks: Sequence[Sets]) -> Scenario:
    """The scenario with every arm's choice set in it: for each point of ``vary``, {arm: {path: value}}.

    A matched arm is matched to what has been chosen, when it is planned.
    """
    problems = Problems()
    found = []
    for (point, at), chosen in zip(scenario._points or (({}, scenario),), picks, strict=True):
        root = Map({key: entry for key, entry in at._source.entries.items() if key != "tune"}, at._source.mark)
        for arm, values in chosen.items():
            root = _set(root, arm, _settings(scenario._source, values), problems)
        found.append((point, build(root, problems, NOTHING)))
    problems.check()
    built = [(point, at) for point, at in found if at is not None]
    if not scenario._points:
        return built[0][1]
    copy = scenario.model_copy(update={"tune": None})
    copy._points = tuple(built)
    return copy


def _set(root: Map, arm: str, trial: Point, problems: Problems) -> Map:
    """The tree in which every item of an arm has a trial's values for its stage."""
    arms = root.entries["arms"].node
    assert isinstance(arms, Map)
    entry = arms.entries[arm]
    node = Map({"stages": Entry(entry.mark, entry.node)}, entry.mark) if isinstance(entry.node, List) else entry.node
    assert isinstance(node, Map)
    listed = node.entries["stages"].node
    assert isinstance(listed, List)
    items = List(tuple(_item(root, item, trial, problems) for item in listed.items), listed.mark)
    whole = Map({**node.entries, "stages": Entry(entry.mark, items)}, node.mark)
    return Map(
        {**root.entries, "arms": Entry(arms.mark, Map({**arms.entries, arm: Entry(entry.mark, whole)}, arms.mark))},
        root.mark,
    )


def _item(root: Map, item: Node, trial: Point, problems: Problems) -> Node:
    if isinstance(item, Leaf):
        item = Map({"use": Entry(item.mark, item)}, item.mark)
    assert isinstance(item, Map)
    use, stages = text_of(item.get("use")), root.entries["stages"].node
    assert use is not None and isinstance(stages, Map)
    stage = stages.entries[use].node
    keys = _keys(use, stage, trial, item.mark, problems) if isinstance(stage, Map) else {}
    if not keys:
        return item
    before = item.get("set")
    own = before.entries if isinstance(before, Map) else {}
    return Map({**item.entries, "set": Entry(item.mark, Map({**own, **keys}, item.mark))}, item.mark)


def _keys(use: str, stage: Map, trial: Point, mark: Mark, problems: Problems) -> dict[str, Entry]:
    """The whole values of a stage's keys after a trial; a path may lead below a key."""
    changed: dict[str, None] = {}
    for setting in trial:
        _, name, *path = setting.path.split(".")
        if name == use:
            stage = apply(stage, [Setting(".".join(path), setting.node, mark)], problems)
            changed[path[0]] = None
    return {key: stage.entries[key] for key in changed}
