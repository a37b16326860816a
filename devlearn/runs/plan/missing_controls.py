"""Which arms of a comparison hold a prior without the arms that would rule out its other explanations."""

from collections.abc import Iterable, Iterator, Set
from typing import Any

import yaml

from devlearn.scenario import ArmItem, ResolvedArm, Scenario
from devlearn.scenario.controls import BOUGHT_BY, MATCHED_BY, STAGE_OF, Control, sham
from devlearn.stages.stage import Stage

Json = dict[str, Any]


def uncontrolled(scenario: Scenario) -> dict[str, list[Json]]:
    """By arm, each control that its priors ask for and no declared pair gives, with what to add to the file.

    Asked are arms that hold a prior before their last stage, or that end in imitation, curiosity or words, and are
    compared with one that lacks it. Controls themselves are not asked.
    """
    pairs = scenario.compare.pairs if scenario.compare else ()
    found = {name: list(_missing(scenario, name, pairs)) for name in dict.fromkeys(sum(pairs, ()))}
    return {name: entries for name, entries in found.items() if entries}


def _missing(scenario: Scenario, name: str, pairs: tuple[tuple[str, str], ...]) -> Iterator[Json]:
    own = scenario.arms[name]
    if is_control(own):
        return
    rivals = [other for pair in pairs if name in pair for other in pair if other != name]
    wanted: dict[Control, list[int]] = {}
    for index, step in enumerate(own.steps):
        asked = index < len(own.steps) - 1 or step.stage.role in ("imitate", "trial", "caregiver")
        needed = step.stage.needed_controls() if asked else ()
        if needed and _claimed(scenario, step, rivals):
            for control in needed:
                if not any(_controls(scenario, rival, name, index, control) for rival in rivals):
                    wanted.setdefault(control, []).append(index)
    for control, places in wanted.items():
        stages = list(dict.fromkeys(own.steps[place].stream for place in places))
        yield {"control": control, "stages": stages, **_mend(scenario, name, control, _replaced(own, wanted, control))}


def is_control(course: ResolvedArm) -> bool:
    """Whether an arm is a control of another; a fresh read-out alone makes none, as every arm may have one."""
    return any(step.stage.control not in (None, "fresh_head") or step.stage.is_sham() for step in course.steps)


def _claimed(scenario: Scenario, step: ArmItem, rivals: list[str]) -> bool:
    """Whether a difference to a rival may be this stage's: the rival lacks it, and is no control."""
    courses = [scenario.arms[rival] for rival in rivals]
    return any(not is_control(course) and not _holds(course, step) for course in courses)


def _holds(course: ResolvedArm, step: ArmItem) -> bool:
    return any(_same(other, step) for other in course.steps)


def _same(one: ArmItem, other: ArmItem) -> bool:
    return bool(one.kind == other.kind and one.stage == other.stage)


def _all_same(one: list[ArmItem], other: list[ArmItem]) -> bool:
    return len(one) == len(other) and all(map(_same, one, other))


def _controls(scenario: Scenario, rival: str, name: str, index: int, control: Control) -> bool:
    """Whether ``rival`` is that control of the stage at ``index`` of arm ``name``."""
    own, other = scenario.arms[name], scenario.arms[rival]
    if control in MATCHED_BY:
        tied = [match for match, arm in ((other.match, name), (own.match, rival)) if match and match.arm == arm]
        units = {unit for match in tied for unit in match.units}
        return not _holds(other, own.steps[index]) and _matches(other, own.steps[index], units, control)
    if control == "sham":
        return _is_sham(own, other, index)
    if control == "order":
        return _is_without_order(own, other, index)
    if control == "fresh_head" and _after(own, index, control):
        return True
    rest = [step for step in other.steps if step.stage.control != control]
    inserted = _all_same(rest, list(own.steps)) and _after(other, index, control)
    without = [step for place, step in enumerate(own.steps) if place != index]
    return inserted or (_all_same(rest, without) and len(other.steps) == len(own.steps))


def _matches(other: ResolvedArm, step: ArmItem, units: Set[str], control: Control) -> bool:
    """Whether an arm that is matched by ``units`` computes, or is given, as much as one that holds a prior.

    To compute as much on a few labels tells nothing of a prior that was bought with many: it has to know them too.
    """
    told = "labels" in units or _has_all_labels(other, step)
    if control == "data":
        return told or (not _bought([step.stage]) and not units.isdisjoint(MATCHED_BY[control]))
    return not units.isdisjoint(MATCHED_BY[control]) and (told or not _bought([step.stage]))


def _has_all_labels(course: ResolvedArm, step: ArmItem) -> bool:
    """Whether a life reads every label of the split that a stage reads labels of: no matched one could know more."""
    split = getattr(step.stage, "data", None)
    return split is not None and any(
        getattr(other.stage, "labels", None) == "all" and getattr(other.stage, "data", None) == split
        for other in course.steps
    )


def _after(course: ResolvedArm, index: int, control: Control) -> bool:
    return any(step.stage.control == control for step in course.steps[index + 1 :])


def _is_sham(own: ResolvedArm, other: ResolvedArm, index: int) -> bool:
    if len(own.steps) != len(other.steps) or not other.steps[index].stage.is_sham():
        return False
    return all(
        _same(mine, theirs) or (theirs.stage.is_sham() and _seen(mine) == _seen(theirs))
        for mine, theirs in zip(own.steps, other.steps, strict=True)
    )


def _seen(step: ArmItem) -> Json:
    """A step but for its sham."""
    keys = step.stage.model_dump(mode="json", by_alias=True)
    *path, last = step.stage.sham_key
    within = keys
    for key in path:
        within = within.get(key) or {}
    within.pop(last, None)
    return {"kind": step.kind, **keys}


def _is_without_order(own: ResolvedArm, other: ResolvedArm, index: int) -> bool:
    """Whether it is the same life, with the same lessons of the stage at ``index`` in an order that means nothing."""
    if len(own.steps) != len(other.steps) or "order" in other.steps[index].stage.needed_controls():
        return False
    return all(
        _same(mine, theirs) or (place == index and _untaught(mine) == _untaught(theirs))
        for place, (mine, theirs) in enumerate(zip(own.steps, other.steps, strict=True))
    )


def _untaught(step: ArmItem) -> Json:
    """A step but for who teaches it."""
    keys = step.stage.model_dump(mode="json", by_alias=True)
    return {"kind": step.kind, **{key: value for key, value in keys.items() if key != "teacher"}}


# ---- what to add -------------------------------------------------------------------------------------------------


def _mend(scenario: Scenario, name: str, control: Control, places: list[int]) -> Json:
    """``pair``, and where there is no such arm yet ``arm`` and perhaps ``stage``, all as YAML."""
    for other in scenario.arms:
        if other != name and all(_controls(scenario, other, name, place, control) for place in places):
            return {"pair": _yaml([name, other])}
    both = _both(scenario.arms[name], control, places)
    new = f"{name}-{'both' if both else control.replace('_', '-')}"
    stage, items = _items(scenario, name, control, places)
    return {"pair": _yaml([name, new]), "arm": _yaml({new: items})[1:-1], **({"stage": stage} if stage else {})}


def _replaced(own: ResolvedArm, wanted: dict[Control, list[int]], control: Control) -> list[int]:
    """The places of the priors that a control's arm replaces; one arm gives compute and data of bought priors."""
    if not _both(own, control, wanted[control]):
        return wanted[control]
    return sorted({place for other in MATCHED_BY for place in wanted.get(other, ())})


def _both(own: ResolvedArm, control: Control, places: list[int]) -> bool:
    """Whether an arm has to be matched by labels and by FLOPs."""
    return control in MATCHED_BY and _bought(own.steps[place].stage for place in places)


def _items(scenario: Scenario, name: str, control: Control, places: list[int]) -> tuple[str, Any]:
    """The stage to declare, if it is not yet, and the arm's stages."""
    steps = list(enumerate(scenario.arms[name].steps))
    if control in MATCHED_BY:
        rest = [_item(scenario, step) for place, step in steps if place not in places]
        both = _both(scenario.arms[name], control, places)
        return "", {"stages": rest, "match": {"arm": name, "by": list(BOUGHT_BY) if both else MATCHED_BY[control][0]}}
    if control == "sham":
        return "", [_item(scenario, step, _as_sham(step) if place in places else {}) for place, step in steps]
    if control == "order":
        return "", [_item(scenario, step, _any_order(step) if place in places else {}) for place, step in steps]
    kind = STAGE_OF[control]
    there = next((use for use, known in scenario.stage_kinds.items() if known == kind), None)
    use = there or kind.rpartition(".")[2]
    items = [_item(scenario, step) for _, step in steps]
    items.insert(max(places) + 1, use)
    return "" if there else _yaml({use: {"kind": kind}})[1:-1], items


def _as_sham(step: ArmItem) -> Json:
    """The keys that make a step its own sham; a map has its other keys too."""
    written = step.stage.model_dump(mode="json", by_alias=True, exclude_unset=True)
    keys = sham(type(step.stage))
    return {key: {**written[key], **value} if isinstance(value, dict) else value for key, value in keys.items()}


def _any_order(step: ArmItem) -> Json:
    """The key that takes the meaning from a step's order: a set that grows, or where lessons are ranges, any."""
    return {"teacher": {"kind": "growing" if isinstance(step.stage.lessons, tuple) else "random"}}


def _bought(stages: Iterable[Stage]) -> bool:
    """Whether one of the stages reads labels, or passes on what was made by reading them."""
    return any(stage.uses_labels() for stage in stages)


def _item(scenario: Scenario, step: ArmItem, more: Json | None = None) -> Any:
    """An item of an arm as the file would have it."""
    base, own = (stage.model_dump(mode="json", by_alias=True) for stage in (scenario.stages[step.use], step.stage))
    written = step.stage.model_dump(mode="json", by_alias=True, exclude_unset=True)  # maps without their defaults
    change = {key: written.get(key, value) for key, value in own.items() if base.get(key) != value} | (more or {})
    alias = {"as": step.stream} if step.stream != step.use else {}
    return {"use": step.use, **alias, **({"set": change} if change else {})} if change or alias else step.use


def _yaml(value: Any) -> str:
    """On one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).strip()
