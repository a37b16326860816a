"""Closed forms of oscillators: radius, period, share of stance, phase lock."""

import numpy as np
import pytest

from devlearn.tasks.envs.oscillators import pull, run, settle

SWING, STANCE, SECONDS = np.array(9.0), np.array(4.0), np.array(0.017)


def trajectory(theta: float, steps: int) -> np.ndarray:
    phases = [np.array([theta])]
    for _ in range(steps):
        phases.append(run(phases[-1], SWING, STANCE, SECONDS))
    return np.stack(phases)[:, 0]


def test_the_radius_settles_at_one_as_the_differential_equation_says() -> None:
    fine, radius, convergence = 1e-4, 0.1, 3.0
    for _ in range(10_000):
        radius += fine * convergence * (1 - radius**2) * radius
    assert settle(np.array(0.1), np.array(convergence), np.array(1.0)) == pytest.approx(radius, abs=1e-3)
    assert settle(np.array([0.1, 2.0]), np.array(convergence), np.array(20.0)) == pytest.approx([1, 1])
    assert settle(np.array(0.3), np.array(0.0), np.array(20.0)) == pytest.approx(0.3)


@pytest.mark.parametrize("theta", [0.0, 1.3, 4.0, 6.0])
def test_a_period_is_a_half_turn_at_each_speed(theta: float) -> None:
    period = np.pi / SWING + np.pi / STANCE
    assert run(np.array([theta]), SWING, STANCE, period) == pytest.approx([theta + 2 * np.pi])
    after = trajectory(theta, round(50 * float(period / SECONDS)))[-1]
    assert after == pytest.approx(theta + 50 * 2 * np.pi, abs=0.1)


def test_stance_has_its_share_of_a_period() -> None:
    share = (np.sin(trajectory(0.3, 100_000)) < 0).mean()
    assert share == pytest.approx(float(SWING / (SWING + STANCE)), abs=2e-3)


def test_steps_of_any_length_lead_to_one_phase() -> None:
    whole = run(np.array([0.5]), SWING, STANCE, np.array(1.7))
    assert trajectory(0.5, 100)[-1] == pytest.approx(float(whole[0]))


def test_two_coupled_oscillators_lock_at_the_difference_that_is_asked_for() -> None:
    wanted = np.array([0.0, 2.0])
    speed, theta = np.array(6.0), np.array([0.4, 0.4])
    for _ in range(2000):
        theta = run(theta, speed, speed, SECONDS) + SECONDS * 5 * pull(theta, wanted)
    assert theta[1] - theta[0] == pytest.approx(2.0, abs=1e-6)
    alone = np.array([0.4, 0.4])
    for _ in range(2000):
        alone = run(alone, speed, speed, SECONDS)
    assert alone[1] - alone[0] == pytest.approx(0.0)
