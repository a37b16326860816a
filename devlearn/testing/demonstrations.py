"""The contract test of demonstrations: sizes that go together, and episodes that their environment could have had."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devlearn.tasks.data import BadData
from devlearn.tasks.demonstrations import Episodes, encoded, episodes, located
from devlearn.tasks.envs import BadWrapper, EnvSpec, UnknownEnv, WorldError
from devlearn.tasks.envs.finding import Finding
from devlearn.tasks.envs.spaces import view_and_controls


def check_demonstrations(name: str) -> list[Finding]:
    """Try demonstrations, by the path of an ``.npz`` or ``minari:ID``, against every law; all are read."""
    law = "kind"
    try:
        place = located(name, Path())
        law = "reads"
        told = episodes(place)
    except BadData as error:
        return [Finding(law, False, str(error))]
    return [_reads(told), _ends(told), _fits(told)]


def _reads(told: Episodes) -> Finding:
    by = f" by {told.about['policy']}" if told.about.get("policy") else ""
    returns = told.returns
    span = f"returns {returns.min():g} to {returns.max():g}, {returns.mean():g} in the mean"
    return Finding("reads", True, f"{len(returns):,} episodes of {told.steps:,} steps{by}; {span}")


def _ends(told: Episodes) -> Finding:
    counts = {
        "terminated": int((told.terminations & told.last).sum()),
        "truncated": int((told.truncations & ~told.terminations & told.last).sum()),
    }
    counts["cut off"] = len(told.lengths) - sum(counts.values())
    return Finding("ends", True, ", ".join(f"{count:,} {how}" for how, count in counts.items() if count))


def _fits(told: Episodes) -> Finding:
    """Every row is one that the environment could have shown or been given."""
    spec = spec_of(told.about)
    if spec is None:
        return Finding("fits", True, "it names no env; a stage that reads it says whether it fits its own")
    try:
        view, controls = view_and_controls(spec)
        encoded(told, spec)
    except (UnknownEnv, WorldError, BadWrapper, BadData) as error:
        return Finding("fits", False, str(error))
    return Finding("fits", True, f"{spec}: the learner sees {view}, and does {controls}")


def spec_of(about: Mapping[str, Any]) -> EnvSpec | None:
    """The environment that demonstrations say they are of; None where they don't."""
    if not about.get("env"):
        return None
    keys = (about.get("env_kwargs"), about.get("wrappers") or ())
    return EnvSpec.of(about["env"], *keys, vocabulary=about.get("vocabulary"))
