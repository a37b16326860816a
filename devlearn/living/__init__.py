"""From a scenario to a lived run folder: check, plan, tune, live look by look."""

from devlearn.living.prepare import make_plans, prepare, read_scenario
from devlearn.living.steps import complaints, live

__all__ = ["complaints", "live", "make_plans", "prepare", "read_scenario"]
