"""The page of benchmarks is what its file makes of it, and what was only tried is not recorded."""

from devlearn_docs import bench

CASE = {
    "case": "school, small",
    "unit": "images",
    "lower": False,
    "gflops": 71.6,
    "contenders": {
        "ours": {"rates": [300.0, 330.0, 310.0], "ratio": [1.0, 1.0, 1.0], "start": 4.04, "verdict": 1234.5},
        "theirs": {"rates": [100.0, 90.0, 110.0], "ratio": [3.0, 2.8, 3.7], "start": None},
    },
    "missing": {"another": "torchvision is not installed"},
}
ABOUT = {"date": "2026-01-02", "processor": "a core", "versions": {"torch": "2.9", "jax": None}, "repetitions": 3}


def test_the_page_is_made_of_the_file() -> None:
    assert bench.PAGE.read_text(encoding="utf-8") == bench.page(bench.read()), "docs/devlearn_docs/bench.py"


def test_what_is_recorded_was_measured_at_full_size() -> None:
    assert not (bench.read() or {"small": False})["small"]


def test_a_page_says_rates_ratios_and_what_was_not_measured() -> None:
    page = bench.page({**ABOUT, "cases": [CASE]})
    assert "Recorded on 2026-01-02: a core, torch 2.9; medians of 3 turns." in page
    assert "## School, small (72 GFLOP/s)" in page
    assert "| ours | 310 | 1.00 (1.00 to 1.00) | 4.0 s | 1,234 s |" in page
    assert "| theirs | 100 | 3.00 (2.80 to 3.70) |  |  |" in page
    assert "| another | not measured: torchvision is not installed | | | |" in page
