"""In how many processes the copies of an environment are stepped. Records do not depend on it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np

from devlearn.records import flight
from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.failures import begun, failures
from devlearn.tasks.envs.registration import make
from devlearn.tasks.envs.reset_safety import TRIAL_SEEDS, differs
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.step_process import StepProcess

WORTH_IT = 1e-3  # seconds that each process has to do in a step of all copies; to ask one and wait costs a tenth of it
STEPS, SECONDS = 100, 0.25  # of the trial that says what a step costs


@dataclass(frozen=True)
class Allowance:
    """``processes`` that may step one world, the one that owns it among them.

    ``forced``: they do whatever a step costs; otherwise only where it is worth it.
    """

    processes: int = 1
    forced: bool = False


_allowance: ContextVar[Allowance] = ContextVar("allowance")
_alone = Allowance()


@contextmanager
def allowed(allowance: Allowance) -> Iterator[None]:
    """Worlds that are opened inside may be stepped so; processes that wait for the next world end with it."""
    token = _allowance.set(allowance)
    try:
        yield
    finally:
        _allowance.reset(token)
        StepProcess.end_idle()


def processes_for(spec: EnvSpec, copies: int) -> int:
    """How many processes step so many copies of an environment here and now.

    One where its seed does not decide what it shows: it may draw from what only one process has.
    """
    allowance = _allowance.get(_alone)
    most = min(allowance.processes, copies)
    if most == 1 or differs(spec):
        return 1
    return most if allowance.forced else max(1, min(most, int(step_seconds(spec) * copies / WORTH_IT)))


@cache
def step_seconds(spec: EnvSpec) -> float:
    """What a step of one copy costs: the median over up to 100 random actions; measured once a process.

    0 where it raises: the run itself will meet the error, and name the learner and the step.
    """
    try:
        env = make(spec)
        try:
            actions, recorder = deepcopy(env.action_space), flight.recorder()
            took: list[float] = []
            actions.seed(TRIAL_SEEDS[0])
            deadline, ended = time.perf_counter() + SECONDS, True
            while len(took) < STEPS and (not took or time.perf_counter() < deadline):
                if ended:
                    with recorder.call(spec, flight.RESET, (TRIAL_SEEDS[0], 0)):
                        _, info = begun(env.reset(seed=TRIAL_SEEDS[0]))
                action = random_action(env, actions, info)
                with recorder.call(spec, flight.STEP, (TRIAL_SEEDS[0], len(took) + 1)):
                    began = time.perf_counter()
                    _, _, terminated, truncated, info = env.step(action)
                    took.append(time.perf_counter() - began)
                ended = bool(terminated or truncated)
            return float(np.median(took))
        finally:
            env.close()
    except failures():
        return 0.0
