"""Whether a run folder can take a plan: go on with it, or be extended by seeds and arms."""

import json
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
FOLLOWS = ("unit", "proxy_of", "chance", "optimum")  # from a probe's kind and what it looks at


def same_run(old: Json, new: Json, answered: bool = True) -> list[str]:
    """Why a folder with the resolved plan ``old`` can't take ``new``; empty where it can.

    ``answered``: the old question's answer has been computed, so another can't be declared beforehand any more.
    Make ``new`` with ``plan(scenario, old)``, so that branches which have been lived keep their place in the tree.
    """
    reasons = []
    if old["format"] != new["format"]:
        return [f"it was written in format {old['format']}, and this is {new['format']}"]
    if old["scenario"] != new["scenario"]:
        reasons.append(f"it holds scenario {old['scenario']!r}, and this is {new['scenario']!r}")
    if old["brain"] != new["brain"]:
        reasons.append("its brain is another")
    if _measured(old) != _measured(new):
        reasons.append("its probes are others")
    if sorted(old.get("pin", [])) != sorted(new.get("pin", [])):
        reasons.append(f"it pins {_show(old.get('pin', []))}, and this pins {_show(new.get('pin', []))}")
    reasons += _question(old["compare"], new["compare"]) if answered else []
    if missing := sorted(set(old["seeds"]) - set(new["seeds"])):
        reasons.append(f"it holds seeds that this run leaves out: {', '.join(map(str, missing))}")
    later = {_key(point): point for point in new["points"]}
    for point in old["points"]:
        if _key(point) in later:
            reasons += _point(point, later[_key(point)])
    return reasons


def _measured(resolved: Json) -> Json:
    """The probes without what follows from their kinds, which older folders leave out."""
    return {
        name: {
            **probe,
            "metrics": {
                metric: {key: value for key, value in declared.items() if key not in FOLLOWS}
                for metric, declared in probe["metrics"].items()
            },
        }
        for name, probe in resolved["probes"].items()
    }


def _question(old: Json | None, new: Json | None) -> list[str]:
    """A question may gain pairs (with new arms), but is not changed once its answer may have been seen."""
    if old is None or new is None:
        return []
    asked = dict.fromkeys((*old, *new))  # a key that is left out asks nothing
    keys = [key for key in asked if key != "pairs" and (old.get(key) or None) != (new.get(key) or None)]
    dropped = [pair for pair in old["pairs"] if pair not in new["pairs"]]
    reasons = [f"compare.{key} was {_show(old.get(key))} and is {_show(new.get(key))}" for key in keys]
    reasons += [f"the pair {_show(pair)} is left out" for pair in dropped]
    return [f"{why} (`devlearn compare RUN` answers other questions, marked exploratory)" for why in reasons]


def _key(point: Json) -> str:
    return json.dumps(point["point"], sort_keys=True)


def _point(old: Json, new: Json) -> list[str]:
    where = f" at {json.dumps(old['point'])}" if old["point"] else ""
    both = [name for name in old["arms"] if name in new["arms"]]
    found = [(name, _arm(old["arms"][name], new["arms"][name])) for name in both]
    return [f"arm {name!r}{where}: {why}" for name, why in found if why]


def _arm(old: Json, new: Json) -> str:
    """What is different in an arm, in words; empty where nothing is."""
    names = [[stage["name"] for stage in arm["stages"]] for arm in (old, new)]
    if names[0] != names[1]:
        return f"its stages were {', '.join(names[0])} and are {', '.join(names[1])}"
    for before, after in zip(old["stages"], new["stages"], strict=True):
        if why := _stage(before, after):
            return f"stage {before['name']!r}: {why}"
    if old.get("tuning") != new.get("tuning"):
        return "its values were tuned, and are not or otherwise now" if "tuning" in old else "its values were not tuned"
    if old["path"] != new["path"]:
        return "a stage's version, the probes, compare.select or what the stages need of the brain has changed"
    return ""


def _stage(old: Json, new: Json) -> str:
    for key in ("kind", "total"):
        if old.get(key) != new.get(key):
            return f"{key} was {_show(old.get(key))} and is {_show(new.get(key))}"
    keys = dict.fromkeys((*old["keys"], *new["keys"]))
    changed = [key for key in keys if old["keys"].get(key) != new["keys"].get(key)]
    return "; ".join(f"{k} was {_show(old['keys'].get(k))} and is {_show(new['keys'].get(k))}" for k in changed)


def _show(value: Any) -> str:
    return json.dumps(value)
