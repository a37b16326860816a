"""The page of GPUs says what was recorded, or that nothing was."""

from devlearn_docs import gpu

ROW = {"stage": "play", "unit": "env_steps", "learners": 1024, "rate": 4.25, "all": 4352.0, "bytes": 3 * 2**20}
PLAIN = {**ROW, "learners": 1, "bytes": 0}


def test_a_table_is_made_of_what_was_recorded() -> None:
    page = gpu.made(
        {"device": "a device", "torch": "2.9", "seconds": 10.0, "rows": {"cuda": [ROW], "a thread": [PLAIN]}}
    )
    assert page.startswith("a device, torch 2.9; each line measured for 10 s or longer.\n\n| where |")
    assert "| cuda | play | 1,024 | 4,352 env_steps/s | 4.2 env_steps/s | 3 MiB |" in page
    assert "| a thread | play | 1 | 4,352 env_steps/s | 4.2 env_steps/s |  |" in page


def test_where_nothing_was_recorded_the_page_says_so() -> None:
    assert gpu.made(None) == gpu.NOT_YET
