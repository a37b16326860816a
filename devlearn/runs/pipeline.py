"""From a scenario to a lived run folder: check, plan, tune, live look by look."""

from devlearn.runs.prepare import make_plans, prepare, read_scenario
from devlearn.runs.steps import complaints, live

__all__ = ["complaints", "live", "make_plans", "prepare", "read_scenario"]
