"""Environments whose seed does not decide what they show: which comparisons hang on one, and are not paired then.

The same seed gives two arms the same draws, which is what pairing them by seed lives on. An environment that goes its
own way takes that from whatever was lived in it, except where both arms have lived the stage together, as one life.
"""

from collections.abc import Collection, Iterator, Mapping

from devlearn.records.reader import ArmRecords
from devlearn.records.results import Warning_


def hangs_on(a: ArmRecords, b: ArmRecords, probes: Collection[str]) -> tuple[str, ...]:
    """The environments that two arms can't be paired for: of a stage of one of them, or of the ``probes`` compared."""
    apart = {one.env for one in a.undetermined ^ b.undetermined}
    measured = {env for arm in (a, b) for probe, env in arm.undetermined_probes if probe in probes}
    return tuple(sorted(apart | measured))


def undetermined(arms: Mapping[str, ArmRecords], probes: Collection[str]) -> Iterator[Warning_]:
    """One warning of each such environment that an arm has lived in or was measured in, and of cut episodes."""
    lived = {one.env for arm in arms.values() for one in arm.undetermined}
    measured = {env for arm in arms.values() for name, env in arm.undetermined_probes if name in probes}
    for env in sorted(lived | measured):
        yield Warning_.of("undetermined", env=env)
        cut = [name for name, arm in arms.items() if env in arm.restarted]
        if cut:
            yield Warning_.of("restarted", env=env, arms=cut)
