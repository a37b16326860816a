"""What tuning cost, what a unit of cost bought, and a pair that was scored twice stand on the page."""

import json
from pathlib import Path

from devlearn import report
from devlearn.evidence import evaluate
from devlearn.records.reader import load
from devlearn.records.results import Comparisons, Scored
from tests.evidence.fake_run import tiny_run
from tests.report.pages import write
from tests.report.test_page import read


def test_tuning_is_shown_with_its_trials_and_cost(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.4]}, compare={"pairs": [["a", "b"]]})
    resolved = json.loads((run / "resolved.json").read_text())
    resolved["points"][0]["arms"]["a"]["tuning"] = {
        "chosen": {"school.lr": 0.01}, "seeds": [100, 101], "probe": "valid",
        "trials": [{"set": {"school.lr": 0.1}, "mean": 0.25}, {"set": {"school.lr": 0.01}, "mean": 0.75}],
        "ledger": {"labels": 4000, "images": 52000, "env_steps": 0, "updates": 77, "flops": 3e9},
    }  # fmt: skip
    (run / "resolved.json").write_text(json.dumps(resolved))
    text = read(write(run).read_text(encoding="utf-8"))
    for part in ("What tuning cost", "school.lr = 0.1: 0.25", "school.lr = 0.01: 0.75", "4,000 52,000 0 77 3 billion"):
        assert part in text
    assert "Validation labels" not in text
    resolved["points"][0]["arms"]["a"]["tuning"]["ledger"]["labels_validation"] = 5_000
    (run / "resolved.json").write_text(json.dumps(resolved))
    text = read(write(run).read_text(encoding="utf-8"))
    assert "Seeds Labels Validation labels Images Env steps" in text and "4,000 5,000 52,000 0 77 3 billion" in text


def test_labels_that_choices_read_stand_beside_those_that_were_taught(tmp_path: Path) -> None:
    """Learners of the second arm were chosen by 200: its gains are per 100 of them too."""
    run = tiny_run(tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.5]}, compare={"pairs": [["b", "a"]]})
    for path in run.glob("jobs/b/*/records/*school*/train.csv"):
        head, *rows = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines())
        for row in rows:
            row[head.index("labels_validation")] = "200"
        path.write_text("\n".join(map(",".join, [head, *rows])) + "\n", encoding="utf-8")
    text = read(write(run).read_text(encoding="utf-8"))
    assert "IQM Labels Label bits, at most Validation labels Images" in text
    assert "per 100 validation labels" in text


def test_gain_is_shown_per_portion_of_what_was_spent_more_of(reported: Path) -> None:
    """4.92 points for 480 more images: 102.6 points for 10,000 of them; labels were the same."""
    text = read((reported / "report.html").read_text(encoding="utf-8"))
    assert "Arm Against per 10,000 images per 10,000 env steps per 100 updates per billion FLOPs" in text
    assert "developmental random-init +102.59 points" in text


def test_a_pair_that_was_scored_twice_shows_both(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.4]}, compare={"pairs": [["a", "b"]]})
    found = evaluate(load(run))
    (point,) = found.comparisons.points
    end = Scored(difference=1.25, interval=(0.5, 2.0), p=0.011)
    best = Scored(difference=0.75, interval=(None, None), p=0.022)
    twice = point.comparisons[0].model_copy(update={"scored": "best", "at_end": end, "at_best": best})
    scored = Comparisons(points=(point.model_copy(update={"comparisons": (twice,)}),))
    page = report.write(load(run), found.model_copy(update={"comparisons": scored}))
    text = read(page.read_text(encoding="utf-8"))
    assert "+1.25 +0.5 to +2, p = 0.011 +0.75 none, p = 0.022 best" in text
