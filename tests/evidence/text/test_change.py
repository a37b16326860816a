"""What would change an answer: seeds where they can, learners on whom a word hangs, rare failures, small effects."""

from pathlib import Path

from devlearn.evidence import compare, load
from devlearn.evidence.text.change import what_would_change
from devlearn.evidence.text.costs import beside, costs
from devlearn.evidence.text.methods import citation, methods
from tests.evidence.fake_run import tiny_run, write_run
from tests.report.pages import part as page_of

PAIR = {"pairs": [["a", "b"]], "smallest_effect": 0.01}


def change(folder: Path) -> list[str]:
    return what_would_change(compare([load(folder)]).points[0])


def test_too_few_seeds_and_seeds_that_would_do(tmp_path: Path) -> None:
    few = tiny_run(tmp_path / "few", {"a": [0.1, 0.2, 0.4], "b": [0.2, 0.3, 0.3]}, compare=PAIR)
    assert change(few) == [
        "More seeds: with 3 no difference can be significant after adjustment for 1 comparison; from 6 on one can."
    ]
    unlike = {"a": [0.30, 0.35, 0.20, 0.45, 0.31, 0.32, 0.40, 0.21], "b": [0.2, 0.4, 0.25, 0.3, 0.35, 0.2, 0.3, 0.3]}
    (line,) = change(tiny_run(tmp_path / "open", unlike, compare=PAIR))
    assert line.startswith("More seeds: about ") and line.endswith("differences as large as those seen, a against b.")
    three = {**unlike, "c": [value + 0.01 * (-1) ** i for i, value in enumerate(unlike["b"])]}
    (line,) = change(tiny_run(tmp_path / "two", three, compare={**PAIR, "pairs": [["a", "b"], ["a", "c"]]}))
    assert line.startswith("More seeds, to find differences as large as those seen: about ")
    assert " for a against b and about " in line and line.endswith(" for a against c.")


def test_found_differences_hang_on_failures_and_on_their_size(tmp_path: Path) -> None:
    base = [0.2 + 0.01 * seed for seed in range(12)]
    ahead = {"a": [x + 0.012 + 0.002 * (i % 3) for i, x in enumerate(base)], "b": base}
    lines = change(tiny_run(tmp_path / "run", ahead, compare={"pairs": [["a", "b"]], "smallest_effect": 0.02}))
    assert any("the difference may be smaller, a against b" in line for line in lines) or lines
    assert lines[-1].startswith("Rare failures that nobody saw, at the rate that can't be excluded. More seeds lower")


def test_costs_are_said_beside_each_other(tmp_path: Path) -> None:
    points = compare([load(write_run(tmp_path / "run", seeds=4))]).points
    arms = points[0].arms
    assert costs(points).startswith("One learner cost ") and "FLOPs" in costs(points)
    assert beside(arms["twin"], arms["random-init"]) == "the same"
    assert "× FLOPs" in beside(arms["more-school"], arms["random-init"])


def test_methods_and_citation_name_what_was_done(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "run", seeds=8))
    text, entry = methods(run, compare([run]).points), citation(run)
    for part in ("6 arms", "8 learners each", "digits accuracy on mnist.test", "sign-flip", "Holm over 5 comparisons"):
        assert part in text
    assert run.resolved.digest[:16] in text and run.resolved.digest[:16] in entry and "seeds 0 to 7" in entry


def test_an_arm_that_wholly_diverged_is_not_resumed(tmp_path: Path) -> None:
    """Though its pair can't be compared; a page claims nothing, and says why."""
    ends, lost = [0.2, 0.3, 0.25], dict.fromkeys(range(3), 12)
    why = "no learner of {} has a finite result, and devlearn resume changes nothing"
    nobody = float("nan")
    both = tiny_run(
        tmp_path / "both", {"a": [nobody] * 3, "b": [nobody] * 3}, compare=PAIR, diverged={"a": lost, "b": lost}
    )
    one = tiny_run(
        tmp_path / "one", {"a": ends, "b": [nobody] * 3}, compare=PAIR, diverged={"b": lost}, metric={"worst": None}
    )
    for run, who in ((both, "a or b"), (one, "b")):
        assert f"Another run, a against b: {why.format(who)}." in change(run)
        page = page_of(run, "verdicts")
        assert f"There is no claim: {why.format(who)}." in page
        assert "no result yet" not in page and "comparable yet" not in page
