"""Teachers by hand: what they choose, by what they have seen."""

from typing import Any

import numpy as np
import pytest
from devlearn_envs.strategic_student import StrategicStudent, by_progress, optimal
from pydantic import ValidationError

from devlearn.stages.shared.teachers import Choice, Growing, Mastery, Progress, ProgressInRanges, Replayed, Teacher


def draw(number: int = 0, seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def chosen(choice: Choice, share: float = 0.0, count: int = 1, notes: Any = None) -> list[int]:
    notes = choice.blank() if notes is None else notes
    return [int(choice.choose(notes, share, draw(number))) for number in range(count)]


@pytest.mark.parametrize(("kind", "order"), [("fixed", [0, 1, 2, 3]), ("reversed", [3, 2, 1, 0])])
def test_an_order_gives_every_lesson_an_equal_share_of_the_budget(kind: Any, order: list[int]) -> None:
    choice = Teacher(kind=kind).of_list(4)
    for place, lesson in enumerate(order):
        assert {chosen(choice, (place + part) / 4)[0] for part in (0, 0.5, 0.99)} == {lesson}
    assert chosen(choice, 1.2) == [order[-1]]  # the last yield of a budget may step over it


def test_random_lessons_are_all_as_likely_at_any_time() -> None:
    choice = Teacher(kind="random").of_list(4)
    for share in (0.0, 0.9):
        counts = np.bincount(chosen(choice, share, 4000), minlength=4)
        assert ((counts - 1000) ** 2 / 1000).sum() < 16.3  # chi-square, 3 degrees of freedom, p = 0.001


def test_a_growing_set_has_one_lesson_more_at_every_step_in_a_random_order() -> None:
    choice, orders = Growing(4, full=0.8), set()
    for seed in range(20):
        notes = choice.blank()
        sizes = []
        for share in (0.0, 0.19, 0.2, 0.41, 0.61, 0.8, 1.0):
            seen = {int(choice.choose(notes, share, draw(number, seed))) for number in range(100)}
            assert seen == set(notes["order"][: len(seen)].tolist())
            sizes.append(len(seen))
        assert sizes == [1, 1, 2, 3, 4, 4, 4]
        orders.add(tuple(notes["order"].tolist()))
    assert len(orders) > 10


def test_an_order_of_another_is_replayed_episode_by_episode_and_begins_again() -> None:
    order = np.array([0, 0, 2, 1])
    assert chosen(Replayed(order), count=9) == [0, 0, 2, 1, 0, 0, 2, 1, 0]
    points = np.random.default_rng(0).random((3, 2))
    choice = Replayed(points)
    notes = choice.blank()
    assert all(np.array_equal(choice.choose(notes, 0.0, draw()), point) for point in (*points, *points))


def test_a_shuffled_order_has_the_same_lessons_in_another_order_each_time_and_for_each_seed() -> None:
    order = np.repeat([0, 1, 2], [10, 5, 1])
    rounds = []
    for seed in range(3):
        choice = Replayed(order, shuffled=True)
        notes = choice.blank()
        found = [int(choice.choose(notes, 0.0, draw(number, seed))) for number in range(32)]
        rounds += [found[:16], found[16:]]
    assert all(sorted(found) == order.tolist() for found in rounds)
    assert len({tuple(found) for found in rounds}) == 6


def test_mastery_moves_on_where_the_smoothed_return_is_the_level_after_enough_episodes_of_the_lesson() -> None:
    choice = Mastery(3, level=0.5, min_episodes=3, smoothing=2)
    notes = choice.blank()

    def after(*results: float, of: int) -> int:
        for result in results:
            choice.see(notes, of, result)
        return chosen(choice, notes=notes)[0]

    assert after(1.0, 1.0, of=0) == 0  # mean 1, two episodes
    assert after(-2.0, of=0) == 0  # 1 + (-2 - 1) / 2 = -0.5
    assert after(1.0, of=0) == 0  # -0.5 + 1.5 / 2 = 0.25
    assert after(0.75, of=0) == 1  # 0.25 + 0.5 / 2 = 0.5
    assert after(9.0, 9.0, 9.0, of=0) == 1  # what began in an earlier lesson counts no more
    assert after(0.5, 0.5, of=1) == 1
    assert after(0.5, of=1) == 2
    assert after(9.0, 9.0, 9.0, 9.0, of=2) == 2


def test_progress_by_hand() -> None:
    choice = Progress(3, window=4, explore=0.0)
    notes = choice.blank()
    for result in (5.0, 1.0, 1.0, 3.0, 4.0):  # the first has left the window
        choice.see(notes, 0, result)
    for result in (2.0, 1.0, 0.0):  # the first has no partner
        choice.see(notes, 2, result)
    assert choice.progress(notes).tolist() == [2.5, 0.0, 1.0]
    notes["begun"][:] = 2
    counts = np.bincount(chosen(choice, count=3500, notes=notes), minlength=3)
    assert counts[1] == 0 and counts[0] == pytest.approx(2500, abs=4 * np.sqrt(3500 * 10 / 49))


def test_progress_begins_every_lesson_twice_and_explores_a_share() -> None:
    choice = Progress(3, window=4, explore=0.3)
    notes = choice.blank()
    assert sorted(chosen(choice, count=6, notes=notes)) == [0, 0, 1, 1, 2, 2]
    for result in (0.0, 1.0):
        choice.see(notes, 1, result)
    counts = np.bincount(chosen(choice, count=3000, notes=notes), minlength=3)
    assert counts[[0, 2]] == pytest.approx([300, 300], abs=4 * np.sqrt(3000 * 0.09))


CEILINGS, RATES, COURSE, SEEDS = (1.0, 0.6, 1.0, 0.0), (0.05, 0.04, 0.02, 0.1), 200, 100


def studied(seed: int, explore: float = 0.0) -> np.ndarray:
    """How often each topic of a course is practised under a teacher that is told the student's scores."""
    choice = Progress(len(RATES), window=2, explore=explore)
    notes, student = choice.blank(), StrategicStudent(1, CEILINGS, RATES, COURSE)
    student.reset(np.zeros(1, np.int64), np.ones(1, bool))
    for number in range(COURSE):
        topic = int(choice.choose(notes, number / COURSE, draw(number, seed)))
        student.step(np.array([topic]))
        choice.see(notes, topic, float(student.scores()[0, topic]))
    practised: np.ndarray = student.state()["practised"][0]
    return practised


def test_a_course_is_divided_by_progress_as_its_learning_curves_say() -> None:
    """Within the Monte Carlo error of the mean; the first two practices of each topic are not the teacher's choice."""
    found = np.stack([studied(seed) for seed in range(SEEDS)])
    free = COURSE - 2 * len(RATES)
    left = np.multiply(CEILINGS, np.exp(-2 * np.asarray(RATES)))  # what there is to learn behind them
    lag = np.exp(RATES)  # progress is that of the practice before
    expected = 2 + by_progress(left * lag, RATES, free)
    error = found.std(0, ddof=1) / np.sqrt(SEEDS)
    assert found.sum(1).tolist() == [COURSE] * SEEDS
    assert (np.abs(found.mean(0) - expected) <= 3.5 * error + 1e-9).all()
    assert not (np.abs(found.mean(0) - optimal(CEILINGS, RATES, COURSE)) <= 3.5 * error).any()


def test_a_teacher_of_progress_beats_chance_and_not_the_best_division() -> None:
    def mean_score(practised: np.ndarray) -> float:
        return float((np.asarray(CEILINGS) * -np.expm1(-np.asarray(RATES) * practised)).mean())

    best = optimal(CEILINGS, RATES, COURSE)
    even = mean_score(np.full(len(RATES), COURSE / len(RATES)))
    taught = [mean_score(studied(seed)) for seed in range(8)]
    assert even < min(taught) and max(taught) < mean_score(best)


def plane(seed: int, explore: float = 0.2, learns: bool = True) -> np.ndarray:
    """1,500 points that are chosen where only the corner near (1, 0) is learned, the more the more often: (M, 2)."""
    choice = ProgressInRanges(2, fit_every=250, explore=explore)
    notes, points, rng = choice.blank(), [], np.random.default_rng(seed)
    for number in range(1500):
        point = choice.choose(notes, 0.0, draw(number, seed))
        near = np.hypot(*(point - [1, 0])) < 0.4
        points.append(point)
        choice.see(notes, point, float(near and learns) * rng.random())
    return np.stack(points)


@pytest.mark.parametrize("seed", range(2))
def test_progress_in_ranges_goes_where_returns_differ_from_those_nearby(seed: int) -> None:
    points = plane(seed)
    near = np.hypot(*(points - [1, 0]).T) < 0.4
    assert near[:250].mean() < 0.2  # a quarter of a circle of 0.4: 0.126 of the square
    assert near[500:].mean() > 0.5
    assert points.min() >= 0 and points.max() <= 1


def test_where_nothing_is_learned_lessons_in_ranges_are_any() -> None:
    points = plane(0, explore=0.0, learns=False)
    counts, *_ = np.histogram2d(*points.T, bins=2)
    assert ((counts - 375) ** 2 / 375).sum() < 16.3


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "random", "level": 1.0}, "level is a key of the teacher mastery, not of random"),
        ({"kind": "mastery", "level": 1.0, "full": 0.5}, "full is a key of the teacher growing, not of mastery"),
        ({"kind": "mastery"}, "mastery needs a level"),
        ({"kind": "strict"}, "Input should be"),
        ({"kind": "progress", "window": 3}, "multiple of 2"),
    ],
)
def test_keys_of_another_teacher_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Teacher(**keys)


@pytest.mark.parametrize("kind", ["fixed", "reversed", "growing", "mastery"])
def test_an_order_needs_lessons_one_by_one(kind: Any) -> None:
    teacher = Teacher(kind=kind, **({"level": 1.0} if kind == "mastery" else {}))
    with pytest.raises(ValueError, match=f"the teacher {kind} needs lessons one by one"):
        teacher.in_ranges(2)


def test_a_teacher_is_written_with_its_own_keys_and_read_again() -> None:
    assert Teacher(kind="fixed").model_dump() == {"kind": "fixed"}
    for teacher in (Teacher(kind="mastery", level=0.5), Teacher(kind="progress", explore=0.1), Teacher(kind="growing")):
        assert Teacher.model_validate_json(teacher.model_dump_json()) == teacher
