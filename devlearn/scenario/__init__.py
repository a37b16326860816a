"""The scenario file: YAML -> frozen models, with every check and message of the format."""

from devlearn.scenario.files import find, library, load, parse, points
from devlearn.scenario.model import UNITS, Comparison, Course, Match, Scenario, Step, Unit, units_of
from devlearn.scenario.problems import Mark, Problem, ScenarioError
from devlearn.scenario.schema import schema

__all__ = [
    "UNITS",
    "Comparison",
    "Course",
    "Mark",
    "Match",
    "Problem",
    "Scenario",
    "ScenarioError",
    "Step",
    "Unit",
    "find",
    "library",
    "load",
    "parse",
    "points",
    "schema",
    "units_of",
]
