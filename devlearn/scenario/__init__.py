"""The scenario file: YAML -> frozen models, with every check and message of the format."""

from devlearn.scenario.files import find, library, load, parse, points
from devlearn.scenario.models import (
    UNITS,
    ArmItem,
    Comparison,
    Fit,
    Match,
    Of,
    ResolvedArm,
    Scenario,
    Tune,
    Unit,
    units_of,
)
from devlearn.scenario.problems import Mark, Problem, ScenarioError
from devlearn.scenario.schema import schema
from devlearn.scenario.tuning import experiment, settled, source

__all__ = [
    "UNITS",
    "ArmItem",
    "Comparison",
    "Fit",
    "Mark",
    "Match",
    "Of",
    "Problem",
    "ResolvedArm",
    "Scenario",
    "ScenarioError",
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
