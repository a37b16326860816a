"""Every mistake of a scenario file: its place and its words, exactly."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from devlearn.scenario import ScenarioError, parse

MARK = "▸"
MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text(encoding="utf-8"))


def mistaken(case: dict[str, Any], text: str) -> tuple[str, str]:
    """The text with the mistake in it, and ``line:column`` of the mark."""
    for before, after in [(case["from"], case["to"]), *([case["also"]] if "also" in case else [])]:
        assert before in text
        text = text.replace(before, after, 1)
    if "at" in case:
        plain = case["at"].replace(MARK, "")
        assert text.count(plain) == 1
        text = text.replace(plain, case["at"])
    at = text.index(MARK)
    place = f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"
    return text.replace(MARK, ""), place


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case["case"])
def test_every_mistake_has_its_place_and_words(case, valid, problems):
    text, place = mistaken(case, valid)
    found = problems(text)
    assert f"file.yaml:{place}: {case['says']}" in found
    assert len(found) == case.get("messages", 1)


def test_what_holds_images_of_a_test_split_decides_nothing(valid, problems):
    """Where nobody trains on it a probe may read it; a gate, a selection or a search that does has seen the test."""
    text = valid.replace("mnist.train", "mnist.valid").replace("updates: 10}", "data: mnist.valid, updates: 10}")
    text = text.replace("data: mnist.valid, every: 10", "data: mnist.train, every: 10")
    assert parse(text, "file.yaml").scenario == "fake"
    found = problems(text.replace("data: mnist.test", "data: mnist.second"))
    why = (
        "can't read mnist.train, which holds images of mnist.second, as probe 'held' does; use a probe of a valid split"
    )
    assert sorted(line.split(": ", 1)[1] for line in found) == [f"{who} {why}" for who in ("a gate", "select", "tune")]


def test_one_mistake_gives_one_message(valid, problems):
    """A misspelt key brings neither a 'missing key' nor a message for every point of ``vary``."""
    assert len(problems(valid.replace("updates: 10}", "updtes: 10}"))) == 1
    assert len(problems(valid.replace("env: Known", "enve: Known"))) == 1


def test_all_mistakes_at_once_in_reading_order(valid, problems):
    text = (
        valid.replace("Known", "Unknown")
        .replace("fake.shuffle", "x")
        .replace("pairs:", "pears:")
        .replace("ful, pl", "fl, pl")
    )
    text = text.replace("env_steps", "env_stps").replace("review, as", "rview, as").replace("accuracy, at", "x, at")
    found = problems(text)
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines) and len(set(lines)) >= 6
    assert any("unknown env" in line for line in found) and any("env_stps" in line for line in found)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3", "f:2:2: not YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n\tb: 2", "f:2:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2", "f:2:1: not YAML: but found another document"),
        ("a: 1\nb: \x07", "f:2:4: not YAML: special characters are not allowed"),
        ("- a", "f:1:1: a scenario is a map that begins with 'devlearn: 1'"),
        ("x", "f:1:1: a scenario is a map that begins with 'devlearn: 1'"),
    ],
)
def test_broken_yaml(text, line, problems):
    assert problems(text, "f") == [line]


@pytest.mark.parametrize("text", ["", "\n\n", "# to be written\n", "---\n", "{}"])
def test_an_empty_file_is_told_how_to_begin(problems, text):
    assert problems(text, "f") == ["f:1:1: the file is empty; `devlearn new scenario NAME` writes one"]


def test_a_map_of_one_key_lacks_the_others(problems):
    assert problems("devlearn: 1", "f") == [
        f"f:1:1: missing key '{key}'" for key in ("scenario", "brain", "stages", "arms")
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages.review.updates=x", "updates must be a whole number, got 'x'"),
        ("stages.review.updates=1e3", "updates must be a whole number, got 1000.0; write 1000"),
        ("stages.review.updates=1e30", "updates must be a whole number, got 1e+30"),
        ("stages.review.updtes=3", "unknown key 'updtes'; did you mean 'updates'?"),
        ("stages.revew.updates=3", "no such path: stages has no 'revew'; did you mean 'review'?"),
        ("seeds", "write KEY=VALUE, for instance stages.look.updates=100"),
        ("seeds=", "there is no value after '='"),
        ("brain.depth=[1", "not YAML: expected ',' or ']', but got '<stream end>'"),
        ("stages.review.learning_rate=1", "tune sets stages.review.learning_rate in every arm, so this has no effect"),
        ("brain.width=[8]", "vary sets brain.width at every point, so this has no effect"),
        ("arms.new=[review]", "no such path: arms has no 'new'; there are: plain, playful, gated, matched"),
    ],
)
def test_overrides_are_checked_alike(valid, problems, override, message):
    found = problems(valid, overrides=(override,))
    assert any(line.startswith(f"--set {override}") and line.endswith(f": {message}") for line in found)


def test_every_mistake_of_vary_at_once(valid, problems):
    paths = "brain.widht: [1], stages.review.labels: [3, 20], stages.revew.labels: [9], about: [x], block: 7, seeds: 5"
    found = problems(
        valid.replace("vary: {stages.review.labels: [20, 30], brain.width: [[4], [4, 4]]}", f"vary: {{{paths}}}")
    )
    for words in (
        "'widht'",
        "labels must be at least 10",
        "'revew'",
        "about is one",
        "block must be a list",
        "seeds must",
    ):
        assert any(words in line for line in found), words
    assert len(found) == 6


def test_a_missing_base_is_the_only_message(problems, tmp_path):
    assert len(problems("extends: nowhere.yaml\nstages: {review: {lables: 70}}\n", f"{tmp_path}/child.yaml")) == 1


def test_seeds_from_the_command_line_may_end_between_the_looks(valid, problems):
    for seeds in (2, 3, 9):
        assert parse(valid, "f", [f"seeds={seeds}"]).compare.looks == (2, 4)
    assert any("seed 50 is one of the scenario's" in line for line in problems(valid, overrides=("seeds=[1, 50]",)))


def test_the_valid_file_is_valid(valid):
    assert parse(valid, "file.yaml").scenario == "fake"


def test_data_splits_are_asked_about(valid):
    def check_data(split: str) -> None:
        if split == "mnist.valid":
            raise ValueError("no such split")

    with pytest.raises(ScenarioError, match=r"^file.yaml:28:\d+: no such split$"):
        parse(valid, "file.yaml", check_data=check_data)
