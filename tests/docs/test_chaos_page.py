"""The table of what was killed, damaged and soaked says what a file holds, failures too."""

from devlearn_docs import chaos

PART = {"date": "2026-01-02", "took": 60}
KILLED = {"name": "a", "kills": {"worker": 2, "all": 1}, "codes": {"0": 1}, "files": 40, "differ": ["x"], "left": []}
BROKEN = {"command": "compare", "where": "job.json", "how": "cut", "why": "a traceback"}
FOUND = {
    "kills": {**PART, "scenarios": [KILLED, {**KILLED, "differ": []}]},
    "damages": {
        **PART,
        "counts": {"damages": 9, "compare refused": 3, "resume answered": 4, "resume failed": 1, "compare broke": 1},
        "cures": {"damages": 5, "cured": 4, "not cured": 1},
        "broken": [BROKEN, {**BROKEN, "command": "cure"}],
    },
    "mutants": {
        **PART,
        "counts": {"accepted": 20, "refused": 980, "milliseconds": 9000, "peak MB": 300},
        "broken": [{"scenario": "a", "number": 3, "why": "exit code 1"}],
    },
    "soak": {
        **PART,
        "jobs": 224,
        "seconds": 99.6,
        "quarters": [{"megabytes": 400.2, "files": 30, "threads": 3, "workers": 8, "jobs": 55}] * 2,
        **{key: ["one"] for key in ("workers_left", "memory_left", "files_left")},
    },
}


def test_what_broke_is_told_beside_what_did_not() -> None:
    page = chaos.made(FOUND)
    assert page.startswith("`make chaos`, 2026-01-02, 4 minutes:")
    assert "| 6 times: all at once 2, worker 4 | 1 of 80 records and answers differ" in page
    assert (
        "| 9 damages, 9 commands | 3 refused in words, 4 answered, 1 told of a job that failed, 1 did otherwise |"
        in page
    )
    assert "| 5 | 4 came to the answer of the sound run, 1 did not |" in page
    assert "980 refused with line and column, 20 are scenarios, 1 were answered otherwise; 9 ms each, 300 MB" in page
    assert "224 in 100 s" in page and "3 processes, pieces of memory and files are left |" in page


def test_what_is_shown_was_recorded() -> None:
    assert "0 of" in chaos.chaos()
