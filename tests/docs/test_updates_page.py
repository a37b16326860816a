"""The tables of compiled updates and of convolutions are made of what was recorded."""

from devlearn_docs import updates

ABOUT = {"processor": "a core", "gflops": 71.6, "torch": "2.9", "turns": 3}


def test_compiled_updates_stand_stage_by_stage() -> None:
    row = {"stage": "play", "ratios": {"1": [1.5, 1.4, 1.6], "32": [1.25, 1.2, 1.3]}, "cold": 21.4, "warm": 7.6}
    page = updates.compiled_table({**ABOUT, "rows": [row]})
    assert page.startswith(
        "a core, one core at 72 GFLOP/s, torch 2.9; medians of 3 turns.\n\n| stage | 1 learner | 32 learners |"
    )
    assert "| play | 1.50 x (1.40 to 1.60) | 1.25 x (1.20 to 1.30) | 21 s | 8 s |" in page


def test_the_rule_for_convolutions_is_held_against_settings_that_it_was_not_set_by() -> None:
    known = {"which": "set", "vmap": True, "update": [2.0, 1.9, 2.1]}
    wrong = [{"which": "held", "vmap": True, "update": [0.8]}, {"which": "held", "vmap": False, "update": [1.5]}]
    page = updates.convolutions_table({**ABOUT, "rows": [known, *wrong]})
    assert "| 1 it was set by | in 1 | 0.50 (0.50 to 0.50) | 0 % | 0 % |" in page
    assert "| 2 others | in 1 | 1.25 (1.25 to 1.25) | 38 % | 50 % |" in page


def test_what_is_recorded_is_shown() -> None:
    assert "| play, PPO, 64-64 |" in updates.compiled()
    assert "it was set by | in " in updates.convolutions()
