"""What a figure leaves for the reader to guess is said: best checkpoints, shorter stages, plans, closer heights."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence import load
from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.analysis.timeline import story
from devlearn.evidence.analysis.values import Measure
from devlearn.evidence.text.comparison import FEW
from devlearn.records.atomic import write_json
from devlearn.records.layout import JobFolder
from devlearn.records.results import Band, Comparison
from devlearn.records.schema import JobState
from devlearn.report import figures
from devlearn.report.figures.inset import closer
from devlearn.report.style import from_zero, one_plot
from devlearn.report.svg import drawing
from tests.evidence.fake_run import finish, tiny_run, write_run
from tests.report.pages import part, points, write
from tests.report.test_figures import alt_with
from tests.report.test_page import read


def body_of(tmp_path: Path, scored: str) -> Comparison:
    run = tiny_run(tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.4]}, compare={"pairs": [["a", "b"]]})
    (found,) = points(run)
    arms = {name: found.arms[name].model_copy(update={"best": best}) for name, best in (("a", 0.26), ("b", 0.5))}
    pair = found.comparisons[0].model_copy(update={"scored": scored})
    return found.model_copy(update={"arms": arms, "comparisons": (pair,)})


def hollow(drawn: figures.Drawn) -> list[tuple[float, float]]:
    lines = [line for line in drawn.figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_an_arm_that_counts_at_its_best_has_a_hollow_mean(tmp_path: Path) -> None:
    """Arm b is matched: its hollow diamond stands in its row, at its best, even beyond all of its dots."""
    with drawing():
        drawn = figures.dots(body_of(tmp_path, "best"), "dots", ["b"])
    assert hollow(drawn) == [(0.5, 1.0)]
    assert drawn.figure.axes[0].get_xlim()[1] > 0.5
    assert "where verdicts count b" in drawn.caption
    assert "at its best checkpoint 0.5, which its verdict counts" in drawn.alt


def test_an_arm_that_counts_at_its_end_has_none(tmp_path: Path) -> None:
    with drawing():
        drawn = figures.dots(body_of(tmp_path, "end"), "dots", ["b"])
    assert hollow(drawn) == []
    assert "Hollow" not in drawn.caption


@pytest.mark.parametrize(
    ("stops", "place", "stopped"),
    [
        ([30, 30], "at its end", False),
        ([30, 120], "at update 30, the end of the shorter last stage", True),
        ([45, 120], "at update 30, the last that both were measured at", True),
    ],
)
def test_a_band_says_where_it_stops(stops: list[int], place: str, stopped: bool) -> None:
    entry = Band(
        arm="a", against="b", n=6, updates=(0, 30), difference=(0, 0.0225), low=(-0.1, 0.01), high=(0.1, 0.03),
        critical=2.0, differs_from=30,
    )  # fmt: skip
    with drawing():
        drawn = figures.band(entry, "share", "band", stops)
    assert f"+2.25 points {place}; 0 lies outside from update 30 on." in drawn.alt
    assert (f"The curve stops {place}." in drawn.caption) == stopped


def test_the_page_knows_which_last_stage_is_shorter(page: str) -> None:
    shorter = "at update 30, the end of the shorter last stage"
    assert shorter in alt_with(page, "Difference of developmental and more-school")
    assert "at its end" in alt_with(page, "Difference of developmental and random-init")


def curve_of(arm: str, means: list[float], half: float = 0.01) -> Curve:
    """A life of one stage of 400 updates, measured every 100."""
    mean, x = np.array(means), np.arange(len(means)) * 100.0
    positions = np.array([-1] + [0] * (len(means) - 1))
    what = Measure(("digits", "accuracy"), "higher", None, "share")
    return Curve(arm, what, 4, positions, {"updates": x, "labels": x * 0, "flops": x}, mean, mean - half, mean + half)


def test_curves_that_differ_late_have_a_closer_plot() -> None:
    """Its axis holds the heights from the first quarter of the last stage on (0.7 to 0.8) with their intervals."""
    lines = {"a": curve_of("a", [0.1, 0.7, 0.75, 0.8, 0.8]), "b": curve_of("b", [0.1, 0.72, 0.74, 0.75, 0.75])}
    found = closer(lines)
    assert found == pytest.approx((0.69 - 0.08 * 0.12, 0.81 + 0.08 * 0.12))
    with drawing():
        drawn = figures.learning(lines, "updates", "over-updates")
    assert len(drawn.figure.axes) == 2
    assert drawn.figure.axes[1].get_ylim() == found
    assert "Below, closer" in drawn.caption


def test_wide_intervals_do_not_undo_the_closer_plot() -> None:
    lines = {"a": curve_of("a", [0.1, 0.7, 0.75, 0.8, 0.8], 0.6)}
    assert closer(lines) == pytest.approx((0.6 - 0.08 * 0.3, 0.9 + 0.08 * 0.3))


def test_curves_that_fill_the_axis_have_one_plot() -> None:
    """A slow curve stands at 0.3 after its first quarter: a closer plot would show nothing more."""
    lines = {"a": curve_of("a", [0.1, 0.3, 0.5, 0.7, 0.8])}
    assert closer(lines) is None
    with drawing():
        drawn = figures.learning(lines, "updates", "over-updates")
    assert len(drawn.figure.axes) == 1
    assert "closer" not in drawn.caption


def test_starts_of_stages_are_named_once(drawn: Path) -> None:
    """Each number stands once where its stage begins, whichever arms begin it there, and the caption says which."""
    svg = (drawn / "figures" / "over-updates.svg").read_text()
    key = re.search(r"by number: ([^.]*)\.", (drawn / "report.html").read_text(encoding="utf-8"))
    assert key is not None
    number = {name: place for place, name in (part.split() for part in key[1].split(", "))}
    begun = [("school", "sham", "waves"), ("look", "school"), ("play",), ("school", "shuffle")]
    labels = [", ".join(sorted(number[name] for name in names)) for names in begun]
    assert [text for text in re.findall(r">([0-9, ]+)</text>", svg) if text in labels][-4:] == labels
    assert "by number" not in (drawn / "figures" / "probe-frames.svg").read_text()


def test_no_tick_of_a_count_is_below_zero() -> None:
    with drawing():
        _, axes = one_plot(2.0)
        axes.plot([0, 100], [0, 1])
        axes.set_xlim(-25, 125)
        assert min(axes.get_xticks()) < 0
        from_zero(axes)
    assert list(axes.get_xticks()) == [0, 20, 40, 60, 80, 100, 120]
    assert axes.get_xlim() == (-25, 125)


def planned(tmp_path: Path) -> Path:
    run = write_run(tmp_path / "run", seeds=6)
    shutil.rmtree(run / "jobs")
    return run


def test_a_run_without_records_shows_its_plan(tmp_path: Path) -> None:
    told = story(load(planned(tmp_path)).points[0])
    spans = told.arms["shuffled"]
    assert [(s.name, s.start, s.end, s.planned) for s in spans] == [
        ("waves", 0, 30, True), ("look", 30, 60, True), ("play", 60, 90, True), ("shuffle", 90, 90, True),
        ("school", 90, 120, True),
    ]  # fmt: skip
    with drawing():
        drawn = figures.storyboard(told, "lives")
    assert "planned, with the length that its budget declares" in drawn.caption
    assert all(not bar.get_fill() for bar in drawn.figure.axes[0].patches)
    assert "school from 90 to 120 (planned)" in drawn.alt


def test_a_lived_stage_is_not_called_planned(reported: Path) -> None:
    told = story(load(reported).points[0])
    assert not any(span.planned for spans in told.arms.values() for span in spans)


def test_a_plan_in_another_unit_has_no_ends_but_a_bar(tmp_path: Path) -> None:
    run = planned(tmp_path)
    resolved = json.loads((run / "resolved.json").read_text())
    resolved["points"][0]["arms"]["developmental"]["stages"][2]["budget"] = ["env_steps", 2048]
    (run / "resolved.json").write_text(json.dumps(resolved))
    told = story(load(run).points[0])
    play, school = told.arms["developmental"][2:]
    assert (play.start, play.end, school.start, school.end) == (60, None, None, None)
    with drawing():
        drawn = figures.storyboard(told, "lives")
    assert "bar of arbitrary length" in drawn.caption
    assert "play (planned, 2,048 env steps)" in drawn.alt


def test_nobody_is_not_counted(tmp_path: Path) -> None:
    text = read(write(planned(tmp_path)).read_text(encoding="utf-8"))
    assert "There is no claim yet" in text and "seeds are planned." in text
    assert "each seed redraws" not in text
    assert "mean of 0 learners" not in text
    assert "No band for developmental against random-init: no seed has finished both yet." in text


def test_where_a_page_is_narrow_a_sham_is_told_from_what_it_is_a_sham_of(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", seeds=2)
    resolved = json.loads((run / "resolved.json").read_text())
    arms = resolved["points"][0]["arms"]
    arms["shuffled"]["stages"][0]["keys"] |= {"sham": True}
    (run / "resolved.json").write_text(json.dumps(resolved))
    narrow = part(run, "lives").partition('class="story-narrow"')[2]
    lists = {title: read(text) for title, text in re.findall(r"<h3>([^<]*)</h3>(.*?)</ol>", narrow, re.DOTALL)}
    assert ", sham true" in lists["shuffled"] and "sham" not in lists["developmental"]


def test_what_could_be_compared_is_claimed_beside_what_could_not(tmp_path: Path) -> None:
    run = tiny_run(
        tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.4], "c": [0.1, 0.1]}, compare={"pairs": [["a", "b"], ["c", "b"]]}
    )
    resolved = json.loads((run / "resolved.json").read_text())
    gone = resolved["points"][0]["arms"]["c"]["path"][-1]
    for job in resolved["jobs"]:
        if job["branch"] == gone:
            shutil.rmtree(run / job["folder"])
    text = read(part(run, "verdicts"))
    assert "2 seeds; each seed redraws" in text and "There is no claim" not in text


def test_every_key_that_is_not_as_usual_is_told(tmp_path: Path) -> None:
    """A plug-in's keys and env_kwargs too; files of plug-ins stand with their digests where one reproduces."""
    run = write_run(tmp_path / "run", seeds=6)
    resolved = json.loads((run / "resolved.json").read_text())
    stages = resolved["points"][0]["arms"]["developmental"]["stages"]
    stages[0] |= {"kind": "chalk_stage:Chalk", "keys": {"dust": 0.5, "colours": ["red"], "cloth": None}}
    stages[2]["keys"] |= {"env_kwargs": {"size": 5}, "copies": 8, "entropy": 0.123, "gamma": 0.99}
    resolved["points"][0]["arms"]["random-init"]["stages"][0]["keys"] |= {"batch": 128, "shift": 3}
    (run / "resolved.json").write_text(json.dumps(resolved))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["programs"] = {"p": {"versions": {}, "sources": {"chalk_stage": {"chalk_stage.py": "ab" * 32}}}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    text = read(write(run).read_text(encoding="utf-8"))
    shown = text.partition("The plan")[2]
    for words in ("dust: 0.5", "colours: ['red']", "env_kwargs: size 5", "entropy: 0.123", "shift: 3", "labels: 100"):
        assert words in shown, words
    assert "cloth" not in text and "batch: 128" not in shown and "gamma" not in shown  # not set, or as always
    assert "chalk_stage.py sha256 " + "ab" * 32 in text
    with drawing():
        told = figures.storyboard(story(load(run).points[0]), "lives").alt
    assert "dust 0.5" in told and "env kwargs size 5" in told and "shift 3" in told


def test_a_bar_ends_within_its_plot_and_is_not_told_of_where_there_is_none(tmp_path: Path) -> None:
    few = tiny_run(tmp_path / "two", {"a": [0.2, 0.5], "b": [0.3, 0.4]}, compare={"pairs": [["a", "b"]]})
    one = tiny_run(tmp_path / "one", {"a": [0.2], "b": [0.3]}, compare={"pairs": [["a", "b"]]})
    with drawing():
        drawn = figures.dots(points(few)[0], "dots")
        low, high = drawn.figure.axes[0].get_xlim()
        alone = figures.dots(points(one)[0], "dots")
        forest = figures.differences(points(one)[0], "differences")
    ends = [float(x) for line in drawn.figure.axes[0].lines for x in line.get_xdata()]
    assert ends and low <= min(ends) and max(ends) <= high
    assert "its bar" in drawn.caption and "its bar" not in alone.caption
    assert forest.caption.startswith("The difference; so few seeds give it no interval.")


def test_levels_that_nobody_reached_are_a_sentence(tmp_path: Path) -> None:
    values = {"a": [0.2, 0.3], "b": [0.1, 0.4]}
    nobody, somebody = ({"pairs": [["a", "b"]], "levels": levels} for levels in ([0.8, 0.9], [0.25, 0.9]))
    folded = part(tiny_run(tmp_path / "nobody", values, compare=nobody), "curves")
    shown = part(tiny_run(tmp_path / "somebody", values, compare=somebody), "curves")
    assert "No learner reached any of these levels." in folded and "<summary>The times of 2 arms" in folded
    assert "No learner reached" not in shown and "<summary>The times of" not in shown


def test_the_first_screen_says_what_of_the_lives_an_option_set(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", seeds=2)
    assert "set by an option" not in read(part(run, "read"))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["overrides"] = ["seeds=2", "probes.digits.every=1", "stages.school.labels=10", "block=4"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    page = part(run, "read")
    said = "Set by an option, over the scenario's file: stages.school.labels=10."
    assert said in read(page[: page.index("<main>")])


def test_labels_of_points_do_not_touch(tmp_path: Path) -> None:
    """Two points nearly at one place beside a third far away: one of the two is named."""
    far = write_run(tmp_path / "far", seeds=2, vary=[1000, 1001, 100_000])
    apart = write_run(tmp_path / "apart", seeds=2, vary=[10, 100, 1000])
    with drawing():
        shown, all_shown = (figures.varied(points(run), "varied") for run in (far, apart))
    assert shown and all_shown
    of = [[tick.get_text() for tick in drawn.figure.axes[0].get_xticklabels()] for drawn in (shown, all_shown)]
    assert of == [["1k", "", "100k"], ["10", "100", "1k"]]


def test_who_is_in_no_curve_is_said_beside_the_curves_with_why(tmp_path: Path) -> None:
    """Whoever ended with an error, some of an arm's seeds or all of them, and whoever lives on."""
    run = write_run(tmp_path / "run", seeds=6)
    assert "In no curve" not in read(part(run, "curves"))
    error = "RuntimeError: the chalk broke\nand more of it"
    state = JobState.of({"status": "failed", "error": error}).content()
    first, second = sorted(run.glob("jobs/more/*"))
    for job in (first, second, *run.glob("jobs/sham/*")):
        write_json(JobFolder(job).state, state)
    everybody = read(part(run, "curves"))
    assert (
        "In no curve: all 6 learners of more-school and all 6 learners of sham ended with an error (RuntimeError: "
        "the chalk broke)."
    ) in everybody
    finish(second)
    finish(next(run.glob("jobs/plain/*")), "running")
    some = read(part(run, "curves"))
    assert "In no curve: 3 of 6 learners of more-school and all 6 learners of sham ended with an error" in some
    assert "; not yet at the end of their life: 3 of 6 learners of random-init and 3 of 6 learners of twin." in some


def test_who_is_in_no_curve_is_counted_where_arms_are_many(tmp_path: Path) -> None:
    arms = {f"arm{place}": [0.2, 0.3] for place in range(FEW + 2)}
    run = tiny_run(tmp_path, arms, compare={"pairs": [["arm0", "arm1"]]})
    for name in list(arms)[1:]:
        for job in (run / "jobs" / name).iterdir():
            write_json(JobFolder(job).state, JobState.of({"status": "failed", "error": "OSError: full"}).content())
    assert f"In no curve: {2 * (FEW + 1)} learners of {FEW + 1} arms ended with an error (OSError: full)." in read(
        part(run, "curves")
    )
