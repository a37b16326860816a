"""Numbers by their unit: a share is shown in percent, whatever its metric is called."""

import pytest

from devlearn.evidence import Measure, measure
from devlearn.evidence.text.formats import ends, level, number, samples, size, span, threshold
from devlearn.records.declared import proxies, role_of, unit_of
from devlearn.records.schema import MetricEntry, ProbeEntry, StageEntry


def test_shares_are_percent_and_their_differences_points() -> None:
    assert (number(0.1234, "share"), number(0.1234, "share", sign=True)) == ("12.34 %", "+12.34 points")
    assert (number(0.1234, "nats"), number(-2.0, "return", sign=True)) == ("0.1234", "-2")
    assert span(-0.01, 0.02, "share") == "-1.00 to +2.00 points"
    assert (size(0.01, "share"), size(0.02, "share"), size(0.02, "nats")) == ("1 point", "2 points", "0.02")
    assert (threshold(0.8, "share"), threshold(0.8, "return")) == ("80 %", "0.8")
    assert (ends((0.1, 0.2), "share", sign=False), ends((None, 0.2), "share")) == ("10.00 to 20.00 %", "none")
    assert number(None, "share") == number(float("nan"), "share") == "unknown"


def test_levels_and_counts() -> None:
    assert (level(0.95), level(1 - 0.05 / 3)) == ("95 %", "98.33 %")
    assert (samples(1, 1), samples(16, 16), samples(1, 6)) == ("1 seed", "16 seeds", "1 lineage (6 seeds)")


@pytest.mark.parametrize(
    ("metric", "declared", "unit"),
    [
        ("accuracy", None, "share"),
        ("layer_2_accuracy", {"better": "higher"}, "share"),
        ("cross_entropy", {"better": "lower"}, "number"),
        ("hits", {"better": "higher", "unit": "share"}, "share"),
        ("accuracy", {"better": "higher", "unit": "degrees"}, "degrees"),
    ],
)
def test_a_unit_is_what_is_declared_and_by_name_where_nothing_is(
    metric: str, declared: dict[str, str], unit: str
) -> None:
    entry = MetricEntry.of(declared or {"better": "higher"})
    assert unit_of(metric, entry if declared else None) == unit
    found = measure({"p": ProbeEntry(kind="mine", metrics={metric: entry})}, "p")
    assert found == Measure(("p", metric), found.better, None, unit)


def test_a_proxy_is_what_is_declared_and_cross_entropy_where_nothing_is() -> None:
    better = MetricEntry(better="higher")
    surprise = MetricEntry(better="lower", proxy_of="hits")
    assert proxies({"accuracy": better, "cross_entropy": better}) == {"cross_entropy": "accuracy"}
    assert proxies({"hits": better, "surprise": surprise}) == {"surprise": "hits"}
    assert proxies({"cross_entropy": better}) == {}


def test_a_role_is_what_is_declared_and_the_kinds_first_part_where_nothing_is() -> None:
    kinds = ("innate.waves", "supervise", "supervise.reinforce")
    assert [role_of(StageEntry(name="s", kind=kind)) for kind in kinds] == ["innate", "supervise", "supervise"]
    assert role_of(StageEntry(name="s", kind="mine", role="trial")) == "trial"
