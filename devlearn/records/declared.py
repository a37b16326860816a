"""What plug-ins declare of themselves in resolved.json, and what it is taken to be where an older run doesn't say."""

from collections.abc import Mapping

from devlearn.records.schema import MetricEntry, StageEntry
from devlearn.scenario.matrix import MATRIX, METRICS

__all__ = ["INBORN", "MATRIX", "METRICS", "PROXIES", "SHARE", "proxies", "role_of", "unit_of"]

SHARE = "share"  # of 1: shown in percent, its differences in points
PROXIES = {"cross_entropy": "accuracy"}  # of older runs: a metric, and what it stands for in the same probe
INBORN = ("innate", "control")  # roles of stages that nothing is learned in from the world


def unit_of(metric: str, declared: MetricEntry | None = None) -> str:
    """The unit of a metric: ``share``, ``nats``, ``return``, ``steps``, ``degrees``, ``number`` and the like.

    ``declared`` is its entry in a probe's ``metrics``. Runs from before units were declared have accuracies by name.
    """
    if declared and declared.unit:
        return declared.unit
    return SHARE if metric.endswith("accuracy") else "number"


def proxies(metrics: Mapping[str, MetricEntry]) -> dict[str, str]:
    """{metric: the metric of the same probe that it stands for}, of a probe's ``metrics``."""
    found = {name: declared.proxy_of or PROXIES.get(name) for name, declared in metrics.items()}
    return {name: wanted for name, wanted in found.items() if wanted is not None and wanted in metrics}


def role_of(stage: StageEntry) -> str:
    """The role of a resolved stage: innate, pretrain, trial, imitate, caregiver, supervise, consolidate or control.

    Runs from before roles were declared have them as the first part of a kind.
    """
    return stage.role or stage.kind.partition(".")[0]
