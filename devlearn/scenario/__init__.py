"""The scenario file: YAML -> frozen models, with every check and message of the format."""

from devlearn.scenario.files import find, library, load, parse, points
from devlearn.scenario.models import (
    UNITS,
    ArmItem,
    Comparison,
    Fit,
    Match,
    Of,
    Range,
    ResolvedArm,
    Scenario,
    Tune,
    Unit,
    units_of,
)
from devlearn.scenario.problems import Mark, Problem, ScenarioError
from devlearn.scenario.schema import schema
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
