"""What ``make test`` leaves to ``make test-all``: tests that are marked ``full`` here, in one place.

Of a product of registered things (stages x brains, stages x keys, ...) the quick set keeps the cases that show each
thing for the first time, so that everything registered is tried once; what takes long alone is left out whole: what is
named here, and what tests/long.txt lists as measured. To measure anew, when the quick tests have become slow:

    python -m pytest -m "not slow" --durations=0 --durations-min=0.1 > LOG
    python -m tests.quick LOG
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from tests.laws.rows import STAGES

LONG = Path(__file__).parent / "long.txt"
LIMIT = 0.5  # seconds of a test's longest case from which on it is long
KEPT: Mapping[str, str] = {  # in the quick set, however long they take
    "tests/laws": "what is registered keeps its laws",
    "tests/testing": "the same, and broken laws are found",
    "tests/scenario/test_scenario_errors.py": "what is misspelt is told",
    "tests/cli/test_running.py::test_from_a_scenario_to_a_verdict_and_on": "the whole way, once",
    "tests/test_shipped.py::test_a_shipped_scenario_runs_to_its_verdict": "the same, of one that ships",
    "tests/test_rooms.py": "the house stands",
    "tests/test_honesty.py": "no result is made nicer than it is",
}
WHOLE: Mapping[str, str] = {
    "tests/chaos": "runs that are damaged, killed and mutated",
    "tests/browser": "pages in a browser",
    "tests/laws/test_no_waiting.py::test_no_update_waits_for_the_device": "each stage once more",
    "tests/runs/pipeline/test_foreign_environments.py": "processes that hang, crash and are killed",
    "tests/runs/executors/test_kill.py": "runs that are killed again and again",
    "tests/runs/executors/test_ray.py::test_a_node_is_lost_and_not_a_byte_differs": "a cluster",
    "tests/runs/executors/test_slurm.py::test_a_job_is_preempted_and_not_a_byte_differs": "runs that are killed",
    "tests/runs/executors/test_slurm.py::test_it_keeps_the_laws_of_executors": "processes that are killed",
    "tests/runs/executors/test_supervise.py::test_no_worker_outlives_its_supervisor": "processes that are killed",
    "tests/runs/engine/test_memory.py::test_learners_with_memory_turn_as_they_were_told_and_others_guess": "learning",
    "tests/runs/engine/test_memory.py::test_a_cue_of_eight_steps_ago_is_remembered": "learning",
    "tests/runs/engine/test_memory.py::test_symbols_and_durations_are_remembered_with_a_memory_and_not_without": (
        "learning"
    ),
    "tests/tasks/data/test_rows.py::test_digits_that_are_read_row_by_row_are_learned": "learning",
    "tests/stages/caregiver/test_guess.py::test_rungs_open_as_words_are_understood_and_are_paid_for": "a run",
    "tests/stages/caregiver/test_guess.py::test_names_that_mean_nothing_teach_nothing_and_other_names_something_else": (
        "learning"
    ),
    "tests/stages/caregiver/test_guess.py::test_every_rung_and_rule_is_learned_from": "learning",
    "tests/stages/caregiver/test_judge.py::test_poles_are_balanced_by_being_told_right_and_wrong": "learning",
    "tests/stages/caregiver/test_words.py::test_words_save_a_learner_from_what_reward_alone_teaches": "learning",
    "tests/stages/protections/test_class_incremental.py": "learning",
    "tests/stages/consolidate/test_sleep.py::test_sleep_brings_back_what_was_forgotten_and_noise_does_not": "learning",
    "tests/stages/shared/test_pseudo_labels.py::test_consistency_beats_labels_only_with_twenty_labels": "learning",
    "tests/stages/shared/test_plasticity_lost.py": "learning",
    "tests/runs/pipeline/test_split_stream.py": "learning",
    "tests/stages/test_shifted_school.py": "learning",
    "tests/learners/test_flops.py::test_counting_a_gradient_step_leaves_the_compiler_unimported": "a process",
    "tests/learners/test_optimiser.py::test_a_gradient_step_leaves_the_compiler_unimported": "a process of its own",
    "tests/tasks/envs/test_learning_spaces.py": "learning",
    "tests/tasks/data/test_first_question.py": "whole runs",
    "tests/stages/imitate/test_clone.py::test_clones_do_as_well_as_a_controller_and_permuted_ones_do_not": "learning",
    "tests/scenario/test_scenario_misspelt.py::test_a_misspelt_key_is_named": "hundreds of misspelt keys",
    "tests/docs/test_pages.py::test_the_tutorial_does_what_it_says": "a page that runs several scenarios",
    "tests/docs/test_pages.py::test_the_readme_does_what_it_says": "a page that runs several scenarios",
    "tests/docs/test_python_page.py": "a page that runs a scenario",
    "tests/docs/test_notebooks.py::test_a_notebook_prints_what_it_shows": "whole runs",
    "tests/docs/test_library.py::test_every_environment_data_set_and_scenario_has_a_page": "plans of all scenarios",
    "tests/docs/test_library.py::test_the_gallery_tells_what_is_recorded_from_what_is_not": "the same",
    "tests/test_examples.py": "scenarios to their verdict",
    "tests/cli/test_running.py::test_a_reader_who_leaves_at_the_end_costs_no_report": "a pipe that breaks late",
    "tests/cli/test_p_hacking.py": "many runs, one after another",
    "tests/cli/test_running.py::test_sigterm_is_an_interruption_too": "a signal like Ctrl-C",
    "tests/cli/test_running.py::test_a_run_that_nobody_reads_any_more_is_no_success_and_can_be_gone_on_with": "a pipe",
    "tests/cli/test_running.py::test_a_file_called_like_a_library_beside_a_scenario_is_not_run": "a process of its own",
    "tests/cli/test_inspecting.py::test_every_skeleton_passes_its_own_test": "a process for each",
    "tests/cli/test_inspecting.py::test_an_environment_with_other_spaces_keeps_the_laws_and_trains": "a run for each",
    "tests/docs/test_example_package.py": "a package that is built and installed, and a run",
    "tests/cli/test_hardy.py::test_a_folder_whose_name_is_no_utf8_is_run_in": "a run in a process of its own",
    "tests/cli/test_hardy.py::test_a_locale_without_umlauts_runs_resumes_and_reports_files_that_have_them": "the same",
    "tests/testing/test_executors.py::test_a_wrong_word_of_an_end_is_found": "executors that lie",
    "tests/testing/test_executors.py::test_slots_without_end_are_found": "executors that break laws",
    "tests/testing/test_executors.py::test_workers_that_are_left_behind_are_found_and_ended": "the same",
    "tests/testing/test_executors.py::test_killed_workers_may_take_a_moment_to_be_gone": "executors that break laws",
    "tests/evidence/test_calibration.py": "thousands of experiments",
    "tests/evidence/analysis/test_same_arms.py": "experiments through the engine",
    "tests/evidence/analysis/test_trust.py::test_false_words_are_rare_once_they_are_read_as_they_are_said": "thousands",
    "tests/evidence/analysis/test_new_images.py": "hundreds of experiments",
    "tests/runs/pipeline/test_search.py": "whole runs, some of them killed",
    "tests/runs/pipeline/test_tune.py": "whole runs, some of them killed",
    "tests/runs/engine/test_resume.py::test_a_checkpoint_holds_nothing_that_could_be_left_out": "lives that are cut",
    "tests/runs/engine/test_resume_bodies.py": "lives that are cut",
    "tests/laws/test_other_brains.py": "every stage on every brain",
    "tests/laws/test_looking.py::test_the_action_matters_to_what_is_foreseen": "learning",
    "tests/laws/test_looking.py::test_a_sham_teaches_less_about_pictures": "learning",
    "tests/stages/test_inherit_kin.py": "runs of several generations",
    "tests/evidence/test_recompute.py": "whole runs, computed twice",
    "tests/report/test_figures.py::test_power_laws_have_a_line_and_a_row": "pages of many points",
    "tests/runs/pipeline/test_look_by_look.py::test_a_run_goes_from_look_to_look_while_a_pair_is_open": "whole runs",
    "tests/runs/pipeline/test_look_by_look.py::test_seeds_beside_the_plan_are_lived_and_exploratory": "whole runs",
    "tests/report/test_recall.py::test_points_with_one_optimum_stand_in_one_plot": "a run of several points",
    "tests/report/test_figure_groups.py": "pages of many arms",
    "tests/report/test_page.py::test_a_word_among_numbers_has_its_own_place_in_the_figure_over_all": "many points",
}
PRODUCTS: Mapping[str, tuple[str, ...]] = {  # the parameters whose values are registered things
    "tests/laws": ("row", "brain", "kind", "mapper", "schedule"),
    "tests/learners/test_flops.py": ("row", "kind", "name"),
    "tests/learners/test_cohort.py": ("kind", "mapper", "rule"),
    "tests/stages/test_controls.py": ("kind", "brain", "by"),
    "tests/tasks/envs/test_vector_env.py": ("env",),
}
EXAMPLES: Mapping[str, tuple[str, tuple[object, ...]]] = {  # of one parameter, the values that stay
    "tests/laws/test_changes.py": ("row", ("look", "play", "school")),
    "tests/laws/test_protections.py::test_a_life_goes_on_after_a_kill_as_if_there_had_been_none": (
        "kind",
        ("ewc", "replay"),
    ),
    "tests/laws/test_protections.py::test_who_has_moved_on_is_held_and_what_it_keeps_too": ("kind", ("ewc", "replay")),
    "tests/laws/test_protections.py::test_protected_learners_are_separate": ("kind", ("ewc", "replay")),
    "tests/test_shipped.py::test_a_shipped_scenario_has_seeds_enough_for_its_pairs": (
        "name",
        ("first_steps", "cartpole"),
    ),
    "tests/runs/executors/test_rebuild.py::test_resume_rebuilds_what_others_build_upon": ("harm", ("gone",)),
    "tests/test_shipped.py::test_a_shipped_scenario_runs_to_its_verdict": ("name", ("cartpole",)),
    "tests/testing/test_executors.py::test_a_registered_executor_keeps_the_laws": ("name", ("local",)),
    "tests/docs/test_pages.py::test_a_how_to_page_does_what_it_says": ("page", ("probe",)),
    "tests/docs/test_library.py::test_a_recorded_study_has_a_picture": ("name", ("causes", "few_labels", "layers")),
    "tests/cli/test_hardy.py::test_an_error_that_no_file_could_hold_fails_its_job_alone": ("way", ("surrogate",)),
    "tests/laws/test_looking.py::test_what_is_practised_is_learned_for_what_was_never_seen": (
        "kind",
        ("innate.waves", "pretrain.denoise", "pretrain.mask"),
    ),
    "tests/laws/test_other_data.py::test_a_stage_keeps_the_laws_on_other_images": ("row", ("gabor", "look", "school")),
    "tests/tasks/envs/test_spaces.py::test_play_keeps_all_laws": ("name", ("Camera", "Told", "MaskedPairs")),
    "tests/runs/pipeline/test_registration.py::test_a_run_in_steps_keeps_it_through_all_of_them": ("name", ("looks",)),
    "tests/runs/engine/test_lineages.py::test_a_killed_evolution_goes_on_where_it_was": ("take", ("nothing",)),
    "tests/runs/engine/test_resume.py::test_a_school_with_a_teacher_goes_on_where_it_was": ("take", ("nothing",)),
    "tests/learners/test_feedback.py::test_right_or_wrong_is_enough_to_learn": ("row", ("guess",)),
    "tests/runs/engine/test_job_runner.py::test_a_life_that_was_cut_ends_with_the_same_records": ("checkpoints", (4,)),
    "tests/runs/engine/test_best.py::test_a_life_that_was_cut_keeps_the_same_best": ("checkpoints", (4,)),
    "tests/runs/engine/test_change.py::test_a_life_that_was_cut_near_a_boundary_is_the_same_life": ("segment", (2,)),
    "tests/runs/engine/test_memory.py::test_a_life_with_memory_that_was_cut_ends_with_the_same_records": (
        "take",
        ("nothing",),
    ),
    "tests/runs/engine/test_memory.py::test_a_life_of_sequences_that_was_cut_ends_with_the_same_records": (
        "take",
        ("nothing",),
    ),
    "tests/runs/engine/test_pictures.py::test_a_life_that_was_cut_has_the_same_pictures": ("checkpoints", (1,)),
    "tests/scenario/test_scenario_hardy.py": ("other", ("x", {"a": 1})),
}
Rule = TypeVar("Rule")


def left_to_the_whole(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """The tests that the quick set does without, in the order collected."""
    shown: set[tuple[str, str, str]] = set()
    long = set(long_ones())
    for item in items:
        name = item.nodeid.partition("[")[0]
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        example, product = _rule(EXAMPLES, name), _rule(PRODUCTS, name)
        if _rule(WHOLE, name) or name in long:
            yield item
        elif example and example[0] in params:
            if getattr(params[example[0]], "__name__", params[example[0]]) not in example[1]:
                yield item
        elif product and (things := {(name, key, _thing(key, params[key])) for key in product if key in params}):
            if things <= shown:
                yield item
            shown |= things


def long_ones() -> Iterator[str]:
    """The tests that took long where they were measured, but those that are kept."""
    for line in LONG.read_text(encoding="utf-8").splitlines():
        name = line.partition(" ")[2]
        if not _rule(KEPT, name):
            yield name


def measured(log: str) -> str:
    """What LONG holds after a run of pytest with ``--durations=0``: seconds of the longest case, and the test."""
    cases: defaultdict[str, float] = defaultdict(float)
    for seconds, case in re.findall(r"^ *([\d.]+)s (?:call|setup|teardown) +(\S.*)$", log, re.MULTILINE):
        cases[case] += float(seconds)
    longest: defaultdict[str, float] = defaultdict(float)
    for case, seconds in cases.items():
        name = case.partition("[")[0].strip()
        longest[name] = max(longest[name], seconds)
    lines = [f"{longest[name]:.1f} {name}" for name in sorted(longest) if longest[name] >= LIMIT]
    return "\n".join(lines) + "\n"


def _rule(rules: Mapping[str, Rule], name: str) -> Rule | None:
    """The rule of a test, by its file, a folder above it or its own name."""
    places = (place for place in rules if name == place or name.startswith((f"{place}/", f"{place}::")))
    return next((rules[place] for place in places), None)


def _thing(key: str, value: object) -> str:
    """What is registered: the kind of a row of stages, anything else by itself."""
    return STAGES[str(value)][0] if key == "row" else repr(value)


if __name__ == "__main__":
    LONG.write_text(measured(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
