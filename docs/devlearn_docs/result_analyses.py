"""What studies say beyond their comparison, for the pages: power laws, proxies, ratios of times between levels."""

from typing import Any

from devlearn.evidence.text.published import chance
from devlearn.records.published import read
from devlearn_docs.result_table import table


def laws(name: str) -> str:
    """The power laws over the points of ``vary``, an arm a line; nothing where it is not recorded."""
    return "\n".join(_law(arm, law) for arm, law in _analyses(name).get("fits", {}).items())


def _law(arm: str, law: dict[str, Any]) -> str:
    if "refused" in law:
        return f"`{arm}`: no power law, {law['refused']}."
    over, (low, high) = law["over"], law["interval"]
    exponent = f"{law['exponent']:.3f} ({low:.3f} to {high:.3f}, R2 {law['r2']:.2f})"
    bend = "not told from a straight line" if law["straight"] else "bent, so an average over this range and no law"
    known = "" if law["published"] is None else f"; published {law['published']:g}"
    ends = f"from {law['x'][0]:,.0f} to {law['x'][-1]:,.0f}"
    return f"`{arm}`, {over} {ends}: the error falls as {over} to the power {exponent}, {bend}{known}."


def proxies(name: str) -> str:
    """How far the cross-entropy predicts the accuracy along a learner's own curve; nothing where it is not recorded."""
    heads = ["arm", "rank correlation of the proxy's fall and the metric's rise (95 % over learners)"]
    found = [[arm, _correlation(entry)] for arm, entry in _point(name).get("proxy", {}).items()]
    return table(heads, found) if found else ""


def _correlation(entry: dict[str, Any]) -> str:
    if "refused" in entry:
        return str(entry["refused"])
    low, high = entry["interval"]
    return f"{entry['spearman']:.2f} ({low:.2f} to {high:.2f})"


def ratios(name: str) -> str:
    """Updates from one level to the next over those of a control, paired by seed; nothing where it is not recorded."""
    ratio = "ratio of updates between the levels (95 % interval)"
    heads = ["arm", "against", "ahead when the stage begins (95 % interval)", ratio, "p, unadjusted", "reads"]
    found = [[one["arm"], one["against"], *_ratio(one)] for one in _point(name).get("hot_start", [])]
    return table(heads, found) if found else ""


def _ratio(one: dict[str, Any]) -> list[str]:
    if "refused" in one:
        return [str(one["refused"]), "", "", ""]
    ends = " to ".join("?" if end is None else f"{end:.2f}" for end in one["interval"])
    start, (low, high) = one["start"]["difference"], one["start"]["interval"]
    ahead = f"{100 * start:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    return [ahead, f"{one['ratio']:.2f} ({ends})", chance(one["p"]), str(one["reads"])]


def _analyses(name: str) -> dict[str, Any]:
    result = read(name)
    return dict(result.analyses) if result else {}


def _point(name: str) -> dict[str, Any]:
    """The study's only point."""
    (point,) = _analyses(name).get("points", [{}])
    return dict(point)
