"""The scenario file: YAML -> frozen models, with every check and message of the format."""

from devlearn.scenario.files import find, library, load, parse, points
from devlearn.scenario.model import UNITS, Comparison, Course, Fit, Match, Scenario, Step, Tune, Unit, units_of
from devlearn.scenario.problems import Mark, Problem, ScenarioError
from devlearn.scenario.schema import schema
from devlearn.scenario.trials import experiment, settled, source

__all__ = [
    "UNITS",
    "Comparison",
    "Course",
    "Fit",
    "Mark",
    "Match",
    "Problem",
    "Scenario",
    "ScenarioError",
    "Step",
    "Tune",
    "Unit",
    "experiment",
    "find",
    "library",
    "load",
    "parse",
    "points",
    "schema",
    "settled",
    "source",
    "units_of",
]
