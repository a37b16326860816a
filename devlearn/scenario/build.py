"""Node tree -> Scenario: every part is read by the model that it belongs to, then all are checked together."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from devlearn.registry import NoPlugin, get, inherits, misplaced, nearest
from devlearn.scenario.checks import arms as arm_checks
from devlearn.scenario.checks import artifacts as artifact_checks
from devlearn.scenario.checks import comparison as compare_checks
from devlearn.scenario.checks import stages as stage_checks
from devlearn.scenario.checks import tuning as tune_checks
from devlearn.scenario.checks.changes import changed
from devlearn.scenario.controls import misdeclared, no_role
from devlearn.scenario.models import ArmItem, ArmSpec, Compare, File, Match, ResolvedArm, Scenario
from devlearn.scenario.parts import Item, Lookup, Piece, check_name
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.renamed import NewNames
from devlearn.scenario.stream import expanded
from devlearn.scenario.validate import text_of, validate
from devlearn.scenario.yaml_nodes import Entry, Leaf, List, Map, Node, plain, show


@dataclass(frozen=True)
class ArmParts:
    """An arm as the file describes it; ``model`` is None where that is broken."""

    name: str
    model: ArmSpec | None
    items: tuple[Item, ...]
    node: Map
    mark: Mark


def build(root: Node, problems: Problems, checks: stage_checks.Checks) -> Scenario | None:
    """The scenario, or None where anything is wrong."""
    if not isinstance(root, Map):
        problems.add(root.mark, "a scenario is a map that begins with 'devlearn: 1'")
        return None
    own = Problems()
    whole = expanded(NewNames(root, own).tree(root), own, checks)
    scenario = None if whole is None else _build(whole, own, checks)
    problems.include(own)
    return None if own.mistakes else scenario


def _unasked(piece: Piece, lost: list[Piece]) -> Piece:
    """A piece, without its model where it is one of those that are ``lost``."""
    return replace(piece, model=None) if any(piece is each for each in lost) else piece


def _build(root: Map, problems: Problems, checks: stage_checks.Checks) -> Scenario | None:
    file = validate(File, root, Mark(root.mark.file, 1, 1), problems)
    brain = _plugin("brains", "brain", root.entries["brain"], problems) if _is_map(root.get("brain")) else None
    stages, probes = _plugins("stages", root, problems), _plugins("probes", root, problems)
    arms = [_arm(name, entry, stages, problems) for name, entry in _named("arms", root, problems)]
    items = [item for arm in arms for item in arm.items]
    compare = _compare(root, problems)
    stage_checks.stages(stages, items, probes, problems)
    lived = [*stages.values(), *(item.piece for item in items)]
    lived += changed(lived, problems)
    lost = stage_checks.outside([*lived, *probes.values()], checks, problems)
    stages, probes = ({name: _unasked(one, lost) for name, one in each.items()} for each in (stages, probes))
    lived = [_unasked(one, lost) for one in lived]
    arms = [
        replace(arm, items=tuple(replace(item, piece=_unasked(item.piece, lost)) for item in arm.items)) for arm in arms
    ]
    stage_checks.probes(probes, stages, lived, problems)
    stage_checks.aliases(items, stages, problems)
    whole = {arm.name: (arm.node, arm.items) for arm in arms}
    arm_checks.budgets(whole, problems)
    arm_checks.moments(whole, probes, problems)
    artifact_checks.artifacts(_lived(arms), problems)
    comparison = compare_checks.comparison(compare, root, probes, stages, _lived(arms), problems)
    seeds = _seeds(file, root, problems)
    if file is not None:
        compare_checks.looks(compare, seeds, root, problems)
        stage_checks.pins(file.pin, root.get("pin"), stages.values(), problems)
        tune_checks.tuning(file.tune, root, seeds, _lived(arms), probes, stages, problems)
    if file is None or brain is None or problems.mistakes or not _all_read(arms, stages, probes):
        return None
    scenario = Scenario(
        scenario=file.scenario,
        about=file.about,
        searched=file.searched,
        seeds=seeds,
        block=file.block,
        brain=_brain_keys(brain),
        stages={name: piece.model for name, piece in stages.items()},
        stage_kinds={name: piece.kind for name, piece in stages.items()},
        arms={arm.name: _course(arm) for arm in arms},
        probes={name: piece.model for name, piece in probes.items()},
        probe_kinds={name: piece.kind for name, piece in probes.items()},
        compare=comparison,
        pin=file.pin,
        tune=file.tune,
    )
    scenario._source = root
    return scenario


def _all_read(arms: list[ArmParts], stages: Mapping[str, Piece], probes: Mapping[str, Piece]) -> bool:
    """Whether every part became a model; where one did not although nothing is said, its file's reader said it."""
    steps = (item.piece.model for arm in arms for item in arm.items)
    models = (*(arm.model for arm in arms), *steps, *(piece.model for piece in (*stages.values(), *probes.values())))
    return all(model is not None for model in models)


def _lived(arms: list[ArmParts]) -> dict[str, tuple[Item, ...]]:
    """The items of every arm; none where one of them is broken, which has been said."""
    listed = {arm.name: arm.node.get("stages") for arm in arms}
    whole = {name: len(node.items) if isinstance(node, List) else 0 for name, node in listed.items()}
    return {arm.name: arm.items if len(arm.items) == whole[arm.name] else () for arm in arms}


def _is_map(node: Node | None) -> bool:
    return isinstance(node, Map)


def _named(section: str, root: Map, problems: Problems) -> list[tuple[str, Entry]]:
    """The entries of ``stages``, ``arms`` or ``probes``, their names checked."""
    node = root.get(section)
    if not isinstance(node, Map):
        return []
    for name, entry in node.entries.items():
        check_name(name, entry.mark, problems)
    return list(node.entries.items())


def _plugins(section: str, root: Map, problems: Problems) -> dict[str, Piece]:
    return {name: _plugin(section, name, entry, problems) for name, entry in _named(section, root, problems)}


def _plugin(group: str, name: str, entry: Entry, problems: Problems) -> Piece:
    """A stage, a probe or the brain: its kind looked up, its keys read by the kind's own model."""
    node = entry.node
    if not isinstance(node, Map):
        problems.add(node.mark, f"{name} must be a map with a kind, got {show(plain(node))}")
        return Piece(name, "", None, None, Map({}, node.mark), entry.mark)
    kind = text_of(node.get("kind"))
    cls = _class(group, kind, node, entry.mark, problems)
    model: Any = None
    if cls is not None and issubclass(cls, BaseModel):
        model = validate(cls, node, entry.mark, problems, without=("kind",))
    elif cls is not None:
        model = _loose(cls, node, problems)
    return Piece(name, kind or "", cls, model, node, entry.mark)


def _class(group: str, kind: str | None, node: Map, at: Mark, problems: Problems) -> type[Any] | None:
    """The plug-in's class, or None where there is none (which ``problems`` then says)."""
    if kind is None:
        _no_kind(node, at, problems)
        return None
    mark = node.entries["kind"].node.mark
    try:
        cls: type[Any] = get(group, kind)
    except NoPlugin as error:
        problems.add(mark, str(error))
        return None
    if why := misplaced(group, kind, cls):
        problems.add(mark, why)
        return None
    if group == "stages" and (why := no_role(cls) or misdeclared(cls)):
        problems.add(mark, f"the class of {kind!r} has to be mended: {why}")
        return None
    if group == "stages" and inherits(group, cls, "role"):
        mend = "say in the class what it is in a life, as role = 'innate' for a prior: reports and warnings go by it"
        problems.note(mark, f"the class of {kind!r} declares no role and counts as {cls.role}; {mend}")
    return cls


def _no_kind(node: Map, at: Mark, problems: Problems) -> None:
    if "kind" in node.entries:
        problems.add(node.entries["kind"].node.mark, f"kind must be text, got {show(plain(node.entries['kind'].node))}")
        return
    likely = nearest("kind", list(node.entries))
    if likely:
        problems.add(node.entries[likely].mark, f"unknown key {likely!r}; did you mean 'kind'?")
    else:
        problems.add(at, "missing key 'kind'")


def _loose(cls: type[Any], node: Map, problems: Problems) -> Map | None:
    """A brain that is a plain class: its keys are the arguments of ``Class(needs, **keys)``."""
    parameters = list(inspect.signature(cls).parameters.values())
    known = [parameter.name for parameter in parameters[1:] if parameter.kind is not parameter.VAR_KEYWORD]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return node
    unknown = [key for key in node.entries if key not in (*known, "kind")]
    for key in unknown:
        problems.add(node.entries[key].mark, f"unknown key {key!r}{hint(key, ['kind', *known])}")
    return None if unknown else node


def _brain_keys(piece: Piece) -> dict[str, Any]:
    if isinstance(piece.model, BaseModel):
        keys = piece.model.model_dump(mode="json", by_alias=True)
    else:
        keys = plain(piece.node)
    return {**keys, "kind": piece.kind}


def _arm(name: str, entry: Entry, stages: Lookup, problems: Problems) -> ArmParts:
    node = entry.node
    if isinstance(node, List):
        node = Map({"stages": Entry(entry.mark, node)}, node.mark)
    if not isinstance(node, Map):
        problems.add(
            node.mark,
            f"arm {name!r} must be a list of stages or a map, got {show(plain(node))}{_such_as(stages, text_of(node))}",
        )
        return ArmParts(name, None, (), Map({}, node.mark), entry.mark)
    listed = node.get("stages")
    if isinstance(listed, List):
        listed = List(tuple(_use(item) for item in listed.items), listed.mark)
        node = Map({**node.entries, "stages": Entry(node.entries["stages"].mark, listed)}, node.mark)
        if not listed.items:
            problems.add(entry.mark, f"arm {name!r} has no stages{_such_as(stages)}")
            return ArmParts(name, None, (), node, entry.mark)
    arm = validate(ArmSpec, node, entry.mark, problems)
    items = listed.items if isinstance(listed, List) else ()
    resolved = [_item(item, stages, problems) for item in items if isinstance(item, Map)]
    return ArmParts(name, arm, tuple(item for item in resolved if item), node, entry.mark)


def _such_as(stages: Lookup, named: str | None = None) -> str:
    """How to mend an arm that goes through nothing, or through a stage that is ``named`` and no list."""
    if named in stages:
        return f"; write [{named}]"
    return f"; write what it goes through, such as [{next(iter(stages))}]" if stages else ""


def _use(item: Node) -> Node:
    """``NAME`` is short for ``{use: NAME}``."""
    return Map({"use": Entry(item.mark, item)}, item.mark) if isinstance(item, Leaf) else item


def _item(node: Map, stages: Lookup, problems: Problems) -> Item | None:
    """One item of an arm, with ``set`` applied; None where its stage does not exist."""
    use = text_of(node.get("use"))
    if use is None:
        return None
    if use not in stages:
        if stages:
            problems.add(node.entries["use"].node.mark, f"no stage is called {use!r}{hint(use, stages)}")
        return None
    stage, changes = stages[use], node.get("set")
    stream = text_of(node.get("as")) or use
    if not isinstance(changes, Map) or not changes.entries:
        return Item(use, stream, stage, node, plain=True)
    if "kind" in changes.entries:
        problems.add(changes.entries["kind"].mark, "kind can't be set; name another stage for it")
        return None
    merged = Map({**stage.node.entries, **changes.entries}, changes.mark)
    model = None
    if stage.cls is not None:
        model = _changed(stage, merged, node.mark, problems)
    return Item(use, stream, replace(stage, model=model, node=merged, mark=node.mark), node, plain=False)


def _changed(stage: Piece, merged: Map, at: Mark, problems: Problems) -> Any:
    """The model of a stage with ``set`` applied. What is wrong with the stage itself has been said."""
    own = Problems()
    assert stage.cls is not None
    model = validate(stage.cls, merged, at, own, without=("kind",))
    said = {problem.message for problem in problems.mistakes} if stage.model is None else set()
    problems.mistakes.update({problem: None for problem in own.mistakes if problem.message not in said})
    return model


def _course(arm: ArmParts) -> ResolvedArm:
    assert arm.model is not None
    steps = tuple(
        ArmItem(use=item.use, stream=item.stream, kind=item.piece.kind, stage=item.piece.model) for item in arm.items
    )
    total = next(iter(arm.model.total.items())) if arm.model.total else None
    match = Match(arm=arm.model.match.arm, by=arm.model.match.by) if arm.model.match else None
    return ResolvedArm(steps=steps, match=match, total=total)


def _compare(root: Map, problems: Problems) -> Compare | None:
    node = root.get("compare")
    return validate(Compare, node, root.entries["compare"].mark, problems) if isinstance(node, Map) else None


def _seeds(file: File | None, root: Map, problems: Problems) -> tuple[int, ...]:
    if file is None:
        return ()
    if isinstance(file.seeds, int):
        return tuple(range(file.seeds))
    node, before = root.get("seeds"), set[int]()
    for index, seed in enumerate(file.seeds):
        if seed in before:
            problems.add(node.items[index].mark if isinstance(node, List) else root.mark, f"seed {seed} stands twice")
        before.add(seed)
    return tuple(file.seeds)
