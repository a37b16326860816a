"""The scenario file: YAML -> frozen models, with every check and message of the format."""

from devlearn.scenario.files import find, library, load, parse, points
from devlearn.scenario.keys import UNITS, Unit
from devlearn.scenario.models import ArmItem, Comparison, Fit, Match, Of, ResolvedArm, Scenario, units_of
from devlearn.scenario.problems import Mark, Problem, ScenarioError
from devlearn.scenario.schema import schema
from devlearn.scenario.tune_models import Range, Tune
from devlearn.scenario.tuning import Sets, experiment, search, settled, source, tried_key

__all__ = [
    "UNITS",
    "ArmItem",
    "Comparison",
    "Fit",
    "Mark",
    "Match",
    "Of",
    "Problem",
    "Range",
    "ResolvedArm",
    "Scenario",
    "ScenarioError",
    "Sets",
    "Tune",
    "Unit",
    "experiment",
    "find",
    "library",
    "load",
    "parse",
    "points",
    "schema",
    "search",
    "settled",
    "source",
    "tried_key",
    "units_of",
]
