"""The laws that plug-ins keep, for your own tests and for ``devlearn check``.

    from devlearn.testing import assert_ok, check_env, check_stage  # and check_brain, check_probe, ...
    assert_ok(check_env("my_envs:Maze-v0"))
    assert_ok(check_stage("my_stages:Watch", {"batch": 16}))
    assert_ok(check_brain("my_brains:Deep", {"width": 64}))
    assert_ok(check_probe("my_probes:Sure", {"data": "mnist.valid"}))
    assert_ok(check_executor("my_executors:Queue"))
    assert_ok(check_section("my_sections:gained"))
    assert_ok(check_data("my_data:Shapes"))

Each check returns a list of ``Finding`` (``name`` of the law, ``ok``, ``message`` with the mend where it is broken).
"""

from collections.abc import Sequence

from devlearn.tasks.envs.check import check_env
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.brains import check_brain
from devlearn.testing.data import check_data
from devlearn.testing.demonstrations import check_demonstrations
from devlearn.testing.executors import check_executor
from devlearn.testing.probes import check_probe
from devlearn.testing.sections import check_section
from devlearn.testing.stages import check_stage

__all__ = [
    "Finding",
    "assert_ok",
    "check_brain",
    "check_data",
    "check_demonstrations",
    "check_env",
    "check_executor",
    "check_probe",
    "check_section",
    "check_stage",
]


def assert_ok(findings: Sequence[Finding]) -> None:
    """Raises AssertionError naming every broken law; an empty list of findings is broken too."""
    assert findings, "nothing was checked"
    broken = [f"{finding.name}: {finding.message}" for finding in findings if not finding.ok]
    assert not broken, "\n".join(broken)
