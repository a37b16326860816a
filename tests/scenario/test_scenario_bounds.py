"""What a file may not grow to (names, nesting, aliases, seeds, points): refused at its place, before it is made."""

import json
import time

import pytest

from devlearn.scenario import ScenarioError, load, parse, points
from devlearn.scenario.keys import LONGEST

LONG = "n" * (LONGEST + 1)
LAUGH = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 9)}]" for i in range(12))
TOO_MANY = "more than 10,000 keys and values, aliases written out; shorten it"
TOO_DEEP = "more than 32 maps and lists inside each other"
SEEDS = "seeds must be at most 10000 or a list, got 100000000"
VARY = "vary: {stages.review.labels: [20, 30], brain.width: [[4], [4, 4]]}"
NUMBERS = ", ".join(str(number) for number in range(10, 1010))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mix", LONG),
        ("matched", LONG),
        ("fun", LONG),
        ("as: again", f"as: {LONG}"),
        ("scenario: fake", f"scenario: {LONG}"),
    ],
)
def test_names_become_files_and_are_bounded(valid, problems, before, after):
    assert any(f"at most {LONGEST}" in line and "file.yaml:" in line for line in problems(valid.replace(before, after)))
    assert parse(valid.replace(before, after[:-1]), "f").scenario  # the longest that is allowed


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (LAUGH, "5:", TOO_MANY),
        ("x: " + "[" * 1000, "1:35", TOO_DEEP),
        ("x: " + "{a: " * 1000, "1:125", TOO_DEEP),
        ("\n".join(f"a{i}: &a{i} [{f'*a{i - 1}' if i else 'x'}]" for i in range(40)), "31:12", TOO_DEEP),
        ("\n".join(f"k{i}: 1" for i in range(20_000)), "5000:", TOO_MANY),
        ("x: &x [*x]", "1:4", "an alias can't stand inside the thing it repeats"),
        ('x: "\\U00110000"', "1:", "not YAML: an escape of a character that does not exist"),
        ("x: !a%1B%5B2J y", "2", "the tag !a\\x1b[2J is not part of a scenario"),
        ("seeds: 0x" + "f" * 100_000, "1:8", "0xffffffffffffffffff... is too large for a whole number: below 2^63"),
        ("seeds: " + "9" * 100_000, "1:8", "99999999999999999999... is too large for a whole number: below 2^63"),
        ('extends: "\\0"', "1:10", "text can't hold the character '\\x00'"),
        ('extends: "\\ud800"', "1:10", "text can't hold the character '\\ud800'"),
    ],
)
def test_a_tree_without_end_is_refused_at_once(problems, text, place, message):
    begun = time.process_time()
    found = problems(text, "f")
    assert time.process_time() - begun < 2
    assert any(line.startswith("f:") and place in line and line.endswith(f": {message}") for line in found), found


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds: 4", "seeds: 100000000", SEEDS),
        ("block: 2", "block: 100000000", "block must be at most 10000, got 100000000"),
        (
            VARY,
            f"vary: {{stages.review.labels: [{NUMBERS}], stages.review.updates: [{NUMBERS}]}}",
            "the points of vary are 1,000,000, and 1,000 are the most; give fewer values",
        ),
        (
            VARY,
            f"vary: [{', '.join(f'{{stages.review.labels: {10 + number}}}' for number in range(1001))}]",
            "the points of vary are 1,001, and 1,000 are the most; give fewer values",
        ),
        (
            "[1e-2, 2e-2]",
            f"[{', '.join(f'{number}e-4' for number in range(1, 1002))}]",
            "the trials of tune are 1,001, and 1,000 are the most; give fewer values",
        ),
        (
            "[1e-2, 2e-2]",
            f"[{', '.join(f'{number}e-4' for number in range(1, 252))}]",
            "the trials of tune at all points of vary are 1,004, and 1,000 are the most; give fewer values",
        ),
    ],
)
def test_what_nobody_can_run_is_refused_before_it_is_made(valid, problems, before, after, message):
    begun = time.process_time()
    assert any(line.endswith(f": {message}") for line in problems(valid.replace(before, after)))
    assert time.process_time() - begun < 2


def test_seeds_from_the_command_line_are_bounded_too(valid, problems):
    assert f"--seeds 100000000: {SEEDS}" in problems(valid, overrides=("seeds=100000000",))
    wrong = "seeds must be greater than 0 or a list, got 0"
    assert problems(valid, overrides=("seeds=0",)) == [f"--seeds 0: {wrong}"]
    assert problems(valid, overrides=("seeds=[3, 3]",))[0].startswith("--seeds 3,3: ")


@pytest.mark.parametrize("value", ["0" * 100_000, "[" * 5_000, "9" * 5_000, "x" * 100_000])
@pytest.mark.parametrize("key", ["stages.review.updates", "seeds"])
def test_a_long_override_is_named_by_its_beginning(valid, problems, key, value):
    found = problems(valid, overrides=(f"{key}={value}",))
    assert found and all(line.startswith("--se") and "..." in line and len(line) < 500 for line in found)


def test_a_file_without_end(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("# " + "x" * 2_000_000)
    with pytest.raises(ScenarioError, match=r"x.yaml:1:1: more than 262,144 characters; a scenario is shorter$"):
        load(path)
    for number in range(20):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    with pytest.raises(ScenarioError, match=r"16.yaml:1:10: more than 16 files extend each other"):
        load(tmp_path / "0.yaml")


def test_a_name_that_the_system_refuses(problems):
    with pytest.raises(ScenarioError, match="no such file, and no scenario of that name") as found:
        load("n" * 300)
    assert str(found.value).endswith("; `devlearn list scenarios` names ours")
    assert problems(f"extends: {'n' * 300}", "f") == [f"f:1:10: there is no file {'n' * 300} to extend"]


REVIEW = "  review: {kind: fake.school, updates: 10}"


def test_merge_keys_bring_in_what_the_map_does_not_say_itself(valid):
    less, other = "{<<: *base, labels: 30}", "{labels: 40, <<: [{labels: 7}, *base]}"
    text = valid.replace(REVIEW, "  review: &base {kind: fake.school, updates: 10}")
    stages = parse(text.replace("arms:\n", f"  less: {less}\n  other: {other}\narms:\n"), "f").stages
    assert [(stages[name].updates, stages[name].labels) for name in ("review", "less", "other")] == [
        (10, "all"), (10, 30), (10, 40),
    ]  # fmt: skip


def test_a_mistake_in_a_merged_map_is_told_where_it_is_written(valid, problems):
    text = valid.replace(REVIEW, "  review: &base {kind: fake.school, updtes: 10}")
    text = text.replace("arms:\n", "  less: {<<: *base}\narms:\n")
    assert {line.partition(" ")[0] for line in problems(text)} == {"file.yaml:21:37:"}


def test_a_probe_that_is_never_measured_on_the_way_is_noted(valid):
    text = valid.replace("every: 25", "every: 60").replace("  levels: [0.5, 0.9]\n", "")
    assert parse(text, "f").notes == ()  # play is counted in env_steps, and the plan alone knows its updates
    text = text.replace("env_steps: 2000", "updates: 55").replace(", total: {updates: 90}", "")
    text = text.replace("  matched: {stages: [review], match: {arm: playful, by: flops}}\n", "")
    notes = parse(text.replace(", [matched, plain]", ""), "f").notes
    why = "no stage lives longer than 55 updates, so it is measured at birth and at the stages' ends only"
    assert [note.message for note in notes] == [f"probe 'digits' has 'every: 60', and {why}"]
    assert json.dumps([point for point, _ in points(parse(text.replace(", [matched, plain]", ""), "f"))])
