"""Numbers have one source: a page that states a result is what docs/results makes of it."""

import re

import pytest
from devlearn_docs import result_analyses, results

from devlearn.evidence.text.published import word
from devlearn.records.published import PublishedError, StudyResult, read, studies
from devlearn.runs import family
from devlearn.scenario import library, load

# Read off the output of benchmarks/, made whole of docs/bench.json, and made whole by benchmarks/calibration.
NOT_FROM_FILES = ("docs/explanation/speed.md", "docs/explanation/side-by-side.md", "docs/calibration.md")
RESULT = re.compile(r"[+-]\d*\.\d|\d %|\d to [+-]?\d|\d \+- ")  # a share, a difference, an interval, a spread
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PAGES = {page.relative_to(results.ROOT).as_posix(): page for page in results.pages()}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_states_what_the_files_say(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert text == results.filled(text), f"{name} disagrees with docs/results; `make results` rewrites it"
    assert text.count("<!-- result\n") == len(results.PART.findall(text)), f"{name}: a part has no end"


@pytest.mark.parametrize("name", [name for name in PAGES if name not in NOT_FROM_FILES])
def test_no_table_states_a_number_by_hand(name: str) -> None:
    text = CODE.sub("", results.PART.sub("", PAGES[name].read_text(encoding="utf-8")))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    by_hand = [row for row in rows if RESULT.search(re.sub(r"`[^`]*`", "", row))]
    assert not by_hand, f"{name}: {by_hand[0]} has to come from docs/results (a part `<!-- result`)"


@pytest.mark.parametrize(
    ("verdict", "same", "cell"),
    [
        ("better", 0.01, ".0056"),
        ("equivalent", 0.012, ".012 (equivalence)"),
        ("equivalent", None, "at most .05 (equivalence)"),
    ],
)
def test_the_p_beside_a_word_is_of_the_test_that_it_comes_from(verdict: str, same: float | None, cell: str) -> None:
    recorded = next(one for name in studies() if (one := read(name)) is not None)
    point = recorded.points[0]
    apart = {
        "verdict": verdict,
        "p": 0.001,
        "p_adjusted": 0.0056,
        "p_equivalence": same,
        "p_equivalence_adjusted": same,
    }
    pair = point.pairs[0].model_copy(update=apart)
    ((*_, shown, _),) = results._pair_rows(point.model_copy(update={"pairs": (pair,)}))
    assert shown == cell


@pytest.mark.parametrize("known", [True, False])
def test_who_failed_is_told_instead_of_who_might(known: bool) -> None:
    """Of older files by those that diverged."""
    recorded = next(one for name in studies() if (one := read(name)) is not None)
    point = recorded.points[0]
    pair = point.pairs[0].model_copy(update={"verdict": "better", "unless": 0.18, "n": 16, "fragile": ()})
    arms = {name: one.model_copy(update={"diverged": 3 * (name == pair.against)}) for name, one in point.arms.items()}
    gone = {"pairs": (pair,), "smallest_effect": 0.0, "arms": arms}
    if known:
        gone["pairs"] = (pair.model_copy(update={"failed": {pair.arm: 0, pair.against: 3}}),)
        gone["arms"] = point.arms
    failing = point.model_copy(update=gone)
    assert word(failing.pairs[0], failing) == f"better, 3 of 16 learners of {pair.against} failed"
    assert [*results._provisos(failing)] == [f"3 learners of {pair.against} failed, and count in its mean."]
    whole = point.model_copy(update={"pairs": (pair,), "smallest_effect": 0.0})
    assert word(pair, whole) == "better, unless 18 % fail"
    (said,) = results._provisos(whole)
    assert said.startswith("All of this holds unless some fail: up to 18 % of the learners may")


def test_every_study_is_a_scenario_with_the_arms_of_its_rows() -> None:
    assert set(NOT_FROM_FILES) <= set(PAGES)
    for name, study in studies().items():
        assert study.scenario in library(), name
        scenario = load(study.scenario, study.overrides)
        named = {arm for row in study.rows for arm in row.pair or (row.arm,)}
        assert named <= set(scenario.arms), name
        assert all((row.arm is None) != (row.pair is None) for row in study.rows), name
        assert scenario.compare is not None
        undeclared = [row for row in study.rows if row.pair and row.pair not in scenario.compare.pairs]
        assert not undeclared, f"{name}: {undeclared}"


@pytest.mark.parametrize("name", studies())
def test_every_row_of_a_recorded_study_is_in_its_file(name: str) -> None:
    found = read(name)
    if found is None:
        pytest.skip("not recorded yet")
    assert found.study == name and found.command == studies()[name].command
    assert results.rows(name).count("\n") > len(studies()[name].rows)


def test_no_file_is_of_no_study() -> None:
    files = {path.stem for path in (results.ROOT / "docs" / "results").glob("*.json")}
    assert files <= set(studies())


def test_a_page_that_disagrees_is_found() -> None:
    page = "<!-- result\n{{ rows('never') }}\n-->\n\n1\n\n<!-- end -->"
    with pytest.raises(PublishedError, match="no study 'never'"):
        results.filled(page)
    plain = "<!-- result\n{{ 0.758275 | percent }} and {{ 0.0198 | points }}\n-->\n\n75 %\n\n<!-- end -->\n"
    assert results.filled(plain).splitlines()[4] == "75.8 % and +1.98"
    assert results.filled(results.filled(plain)) == results.filled(plain)


def test_a_point_is_found_by_the_last_part_of_its_path(result: StudyResult) -> None:
    assert result.at({"labels": 10}).arms["one"].mean == 0.5
    with pytest.raises(PublishedError, match="2 comparisons"):
        result.at()
    with pytest.raises(PublishedError, match="no pair"):
        result.at({"labels": 20}).pair("one", "two")


@pytest.fixture
def result() -> StudyResult:
    def point(labels: int, mean: float) -> dict[str, object]:
        arm = {"n": 2, "mean": mean, "median": mean, "diverged": 0, "values": {"0": mean}, "ledger": {"flops": 1}}
        kinds = {"probe": "digits", "metric": "accuracy", "unit": "share", "at": "end", "better": "higher"}
        rest = {"smallest_effect": None, "exploratory": False, "family": 0, "pairs": []}
        return {"point": {"stages.school.labels": labels}, "arms": {"one": arm}, **kinds, **rest}

    machine = {"platform": "Linux", "model": "a", "cores": 2, "gflops": 50}
    about = {"study": "s", "command": "c", "digest": "d", "seeds": [0, 1], "date": "2026-01-01"}
    cost = {"seconds": 60, "planned": 9, "machine": machine}
    points = [point(10, 0.5), point(20, 0.6)]
    return StudyResult.model_validate({**about, **cost, "versions": {}, "points": points, "analyses": {}})


def test_what_the_curves_say(result: StudyResult, monkeypatch: pytest.MonkeyPatch) -> None:
    law = {"over": "labels", "exponent": -0.343, "interval": [-0.355, -0.332], "r2": 0.991, "straight": False}
    law |= {"x": [100.0, 3000.0], "published": -0.43}
    ratio = {"arm": "born", "against": "other", "ratio": 1.4, "interval": [1.08, None], "p": 0.02, "reads": "hot start"}
    ratio |= {"start": {"difference": 0.8118, "interval": [0.7976, 0.825]}}
    refused = {"arm": "born", "against": "third", "refused": "too few"}
    proxy = {"one": {"spearman": 0.968, "interval": [0.96, 0.97]}, "two": {"refused": "one moment"}}
    analyses = {"fits": {"one": law}, "points": [{"proxy": proxy, "hot_start": [ratio, refused]}]}
    monkeypatch.setattr(result_analyses, "read", lambda name: result.model_copy(update={"analyses": analyses}))
    assert results.laws("s") == (
        "`one`, labels from 100 to 3,000: the error falls as labels to the power -0.343 (-0.355 to -0.332, R2 0.99), "
        "bent, so an average over this range and no law; published -0.43."
    )
    assert results.proxies("s").splitlines()[2:] == ["| one | 0.97 (0.96 to 0.97) |", "| two | one moment |"]
    assert results.ratios("s").splitlines()[2:] == [
        "| born | other | +81.2 points (+79.8 to +82.5) | 1.40 (1.08 to ?) | .02 | hot start |",
        "| born | third | too few |  |  |  |",
    ]
    monkeypatch.setattr(result_analyses, "read", lambda name: None)
    assert results.laws("s") == results.proxies("s") == results.ratios("s") == ""


def test_a_study_of_the_second_test_set_asks_the_same_of_other_images_and_seeds() -> None:
    again = {name: study for name, study in studies().items() if name.endswith("_second")}
    assert again
    for name, study in again.items():
        first = studies()[name.removesuffix("_second")]
        assert study.rows == first.rows and study.scenario == first.scenario
        before, now = load(first.scenario, first.overrides), load(study.scenario, study.overrides)
        assert set(now.seeds).isdisjoint(before.seeds)
        assert now.compare == before.compare and now.compare is not None
        assert before.probes[now.compare.probe].splits() == ("mnist.test",)
        assert now.probes[now.compare.probe].splits() == ("mnist.second",)


def test_the_page_of_all_questions_disagrees_once_an_answer_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGES["docs/explanation/all-questions.md"].read_text(encoding="utf-8")
    assert results.filled(text) == text

    def one_p_larger(name: str) -> StudyResult | None:
        found = read(name)
        if name != "first_steps_1000" or found is None:
            return found
        point = found.points[0]
        pairs = tuple(pair.model_copy(update={"p": 0.04}) for pair in point.pairs)
        return found.model_copy(update={"points": (point.model_copy(update={"pairs": pairs}),)})

    monkeypatch.setattr(family, "read", one_p_larger)
    assert results.filled(text) != text


def test_a_failure_rate_that_nobody_saw_is_the_products_on_every_page() -> None:
    """One formula, one rounding: no page states such a rate by hand, or by the rule of three."""
    assert results.bounds(8, 16) == "of 8 learners up to 32 %, of 16 up to 18 %"
    for name in PAGES.keys() - {*NOT_FROM_FILES}:
        text = results.PART.sub("", PAGES[name].read_text(encoding="utf-8"))
        assert not re.search(r"3 in n might|\b3 ?/ ?n\b|\b\d+ % at (n = )?(8|16|20)\b", text), name


def test_numbers_that_are_known_stand_beside_what_was_reached() -> None:
    made = results.theory("causes_trials", "casino")
    lines = [line.split(" | ") for line in made.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == 12 + 5, "three conditions at four numbers of trials, and the casino"
    for line in lines:
        ours, low, high, known = (float(number) for number in re.findall(r"[\d.]+(?= %|\)| to)", " ".join(line[1:3])))
        assert abs(ours - known - float(line[3])) < 0.11
        assert (line[4] == "yes |") == (low - 0.05 <= known <= high + 0.05)
    assert made.startswith(f"{sum(line[4] == 'yes |' for line in lines)} of 17 intervals")


def test_how_many_times_the_updates_is_read_off_the_levels() -> None:
    levels = read("reward_only").analyses["points"][0]["levels"]
    for line in results.times("reward_only", "label", 430).splitlines()[2:]:
        arm, level, reached, epochs, ratio = map(str.strip, line.split("|")[1:-1])
        took = levels[arm][f"{float(level.removesuffix('%')) / 100:g}"]
        assert reached == f"{took['reached']} of {took['n']}"
        if took["units"]["updates"]["median"] is None:
            assert epochs == ratio == ""
        else:
            own, other = (levels[who][f"{took['level']:g}"]["units"]["updates"]["median"] for who in (arm, "label"))
            assert float(epochs) == round(own / 430, 1) and float(ratio) == round(own / other, 1)
