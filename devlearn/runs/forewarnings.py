"""What a plan can't decide, can't score, leaves without a control or does not inherit: said once, before it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devlearn.records.declared import role_of
from devlearn.records.schema import ArmEntry, Resolved, StageEntry
from devlearn.scenario.splits import is_valid

if TYPE_CHECKING:
    from devlearn.tasks.data.source import DataSource
    from devlearn.tasks.envs import EnvSpec

REFLEXES = ("innate.reflex", "innate.evolve_reflex")
LONG = 110  # letters of a sentence that stands on a line for each of its parts
PLACES = {"stages": "stages:", "arms": "arms:", "pairs": "compare:\n  pairs:"}  # where lines of YAML belong


@dataclass(frozen=True)
class Forewarning:
    """``text`` is the sentence that the results would say again, ``what`` its part that says what is amiss.

    ``paste`` are lines of YAML that mend it, to add to the scenario's file.
    """

    text: str
    what: str
    paste: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = self.what if len(self.what) <= LONG else self.what.replace("; ", ";\n  ")
        return "\n  ".join([f"warning: {what}{'; add' if self.paste else ''}", *self.paste])


def forewarnings(plan: Resolved, counted: bool = True) -> list[Forewarning]:
    """The warnings of a plan.

    Where nothing is ``counted`` (``plan.sketch``), those are left out that need a stage's final budget or the brain.
    """
    from devlearn import evidence

    always = (evidence.undecidable, evidence.few_seeds, evidence.worst_above_chance, evidence.accepted_failures)
    checks = (*always, evidence.unscored_matches, evidence.not_inherited) if counted else always
    plain = [text for check in checks for text in check(plan)]
    plain += _unmeasured(plan)
    plain += [*_undetermined(plan), *_otherwise_met(plan), *_lone_senses(plan)]
    plain += [*_idle_reflexes(plan), *_strange_demonstrators(plan)]
    found = [*(Forewarning(text, text) for text in plain), *_uncontrolled(plan), *_unselected(plan)]
    return list(dict.fromkeys(found))


def _unmeasured(plan: Resolved) -> Iterator[str]:
    if not plan.probes:
        yield "the scenario has no probes: nothing is measured, so there will be weights, but no comparison or report"


def _undetermined(plan: Resolved) -> Iterator[str]:
    """Environments whose seed does not decide what they show: those of others are tried, in a process of their own."""
    from devlearn.evidence.text.warnings import undetermined
    from devlearn.tasks.envs import EnvSpec, preflight

    specs = [spec for _, keys in (*_stages(plan), *_probes(plan)) if (spec := EnvSpec.of_keys(keys)) is not None]
    preflight.look(specs)
    return (undetermined(str(spec)) for spec in dict.fromkeys(specs) if preflight.undetermined(spec))


def _stages(plan: Resolved) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name and the keys of every stage as an arm lives it."""
    return ((one.name, one.keys) for point in plan.points for arm in point.arms.values() for one in arm.stages)


def _probes(plan: Resolved) -> Iterator[tuple[str, Mapping[str, Any]]]:
    measured = [plan.probes, *(point.probes for point in plan.points if point.probes)]
    return ((name, probe.own) for own in measured for name, probe in own.items())


def _otherwise_met(plan: Resolved) -> Iterator[str]:
    """Probes that see an environment through other wrappers, or act on another scale, than all stages lived in it."""
    every = [one for point in plan.points for arm in point.arms.values() for one in arm.stages]
    lived = [(one.name, spec) for one in every if (spec := _met("stages", one.kind, one.keys)) is not None]
    measured = [plan.probes, *(point.probes for point in plan.points if point.probes)]
    for probe, entry in (item for probes in measured for item in probes.items()):
        own = _met("probes", entry.kind, entry.own)
        if own is None:
            continue
        met = [(name, spec) for name, spec in lived if spec.id == own.id]
        if met and own.wrappers not in [spec.wrappers for _, spec in met]:
            stage, first = met[0]
            known, mine = (", ".join(map(str, each)) or "no wrapper" for each in (first.wrappers, own.wrappers))
            yield (
                f"probe {probe} sees {own.id} in {mine} and stage {stage} in {known}: learners are measured by what "
                "they have not met; give both the same 'wrappers'"
            )
        if met and own.action_scaling not in [spec.action_scaling for _, spec in met]:
            stage, first = met[0]
            yield (
                f"probe {probe} acts in {own.id} with action_scaling: {own.action_scaling} and stage {stage} with "
                f"{first.action_scaling}: learners are measured by actions that they have not tried; give the probe "
                f"'action_scaling: {first.action_scaling}'"
            )


def _idle_reflexes(plan: Resolved) -> Iterator[str]:
    """Reflexes in environments in which no later stage of the arm acts, nor a probe."""
    for point in plan.points:
        measured = {keys.get("env") for keys in (probe.own for probe in (point.probes or plan.probes).values())}
        for name, arm in point.arms.items():
            for index, one in enumerate(arm.stages):
                if one.kind not in REFLEXES or one.keys["env"] in measured:
                    continue
                later = [other for other in arm.stages[index + 1 :] if role_of(other) != "innate"]
                acts = {other.keys.get("env") for other in later if not other.keys.get("random")}
                if (env := one.keys["env"]) not in acts:
                    why, mend = "and nothing after it acts there", "let a later stage or a probe, or leave it out"
                    yield f"stage {one.name} gives arm {name} a reflex in {env}, {why}; {mend}"


def _strange_demonstrators(plan: Resolved) -> Iterator[str]:
    """Imitators of learners that have lived in no environment of the imitator's kind when they demonstrate."""
    for point in plan.points:
        for name, arm in point.arms.items():
            for one in arm.stages:
                of, env = one.keys.get("of"), one.keys.get("env")
                if not isinstance(of, Mapping) or of.get("what", "learner") != "learner" or env is None:
                    continue
                giver, stage = str(of["arm"]), str(of["stage"])
                lived = _until(point.arms[giver], stage)
                known = dict.fromkeys(str(other.keys["env"]) for other in lived if other.keys.get("env"))
                if env not in known:
                    who = f"the learner of {giver} after {stage}"
                    there = f"has lived in {', '.join(known) or 'no environment'}"
                    mend = "take a learner of an arm that has lived there, or give both stages one 'env'"
                    yield f"stage {one.name} of arm {name} copies in {env} {who}, which {there}; {mend}"


def _until(arm: ArmEntry, stage: str) -> Sequence[StageEntry]:
    """The stages of an arm up to the last visit to one."""
    last = max((index for index, one in enumerate(arm.stages) if one.name == stage), default=len(arm.stages) - 1)
    return arm.stages[: last + 1]


def _met(group: str, kind: str, keys: Mapping[str, Any]) -> EnvSpec | None:
    """The environment that a stage or a probe opens, its own default of how numbers become actions included."""
    from devlearn import registry
    from devlearn.tasks.envs import EnvSpec

    field = getattr(registry.get(group, kind), "model_fields", {}).get("action_scaling")
    return EnvSpec.of_keys({**({"action_scaling": field.default} if field else {}), **keys})


def _lone_senses(plan: Resolved) -> Iterator[str]:
    """Stages and probes that are for the images of a data set which nothing here sees, where others are seen."""
    for point in plan.points:
        lived = {one.name: (one.kind, one.keys) for arm in point.arms.values() for one in arm.stages}
        measured = {name: (probe.kind, probe.own) for name, probe in (point.probes or plan.probes).items()}
        acted = [one.sense_name for kind, keys in lived.values() if (one := _sensed("stages", kind, keys))]
        seen = sorted((keys for _, keys in (*lived.values(), *measured.values())), key=lambda keys: "data" not in keys)
        shown = [source for keys in seen if (source := _shown(keys))]  # these first: environments take longer
        for group, each in (("stages", lived), ("probes", measured)):
            for name, (kind, keys) in each.items():
                source = _sensed(group, kind, keys)
                if source is None or not shown or (group == "probes" and source.sense_name in acted):
                    continue
                if not any(_has_sense(others, source.sense_name) for others in seen):
                    size, who = " x ".join(map(str, source.shape)), f"{group.removesuffix('s')} {name}"
                    mend = f"to be for those of {shown[0].name}, give it 'sense: {shown[0].name}'"
                    yield f"{who} is for images of {source.name} ({size}), and nothing here sees such images; {mend}"


def _sensed(group: str, kind: str, keys: Mapping[str, Any]) -> DataSource | None:
    """The data set whose images' sense a stage or a probe is for that looks at no image; None where it is none."""
    from devlearn import registry
    from devlearn.stages.fields import source_in

    fields = getattr(registry.get(group, kind), "model_fields", {})
    if "sense" not in fields or "data" in fields:
        return None
    return source_in({"sense": keys.get("sense", fields["sense"].default)})


def _shown(keys: Mapping[str, Any]) -> DataSource | None:
    """The data set whose images a stage or a probe sees."""
    from devlearn.stages.fields import source_in

    return source_in({"data": keys["data"]}) if isinstance(keys.get("data"), str) else None


def _has_sense(keys: Mapping[str, Any], name: str) -> bool:
    """Whether a stage or a probe sees by a sense, or may: what somebody else's environment shows is not known here."""
    from devlearn.tasks.envs import EnvSpec, preflight
    from devlearn.tasks.envs.spaces import view_and_controls

    source, spec = _shown(keys), EnvSpec.of_keys(keys)
    if source is not None:
        return source.sense_name == name
    if spec is None:
        return "demonstrations" in keys
    return preflight.foreign(spec) or name in view_and_controls(spec)[0].senses


def _uncontrolled(plan: Resolved) -> Iterator[Forewarning]:
    from devlearn.evidence import render_note
    from devlearn.evidence.analysis.warnings import missing_controls
    from devlearn.evidence.text.warnings import additions, lacking

    for point in plan.points:
        for name, arm in point.arms.items():
            if arm.uncontrolled:
                wanting = [one.content() for one in arm.uncontrolled]
                text = render_note(missing_controls(name, arm.uncontrolled))
                yield Forewarning(text, lacking(name, wanting), _paste(additions(wanting)))


def _paste(additions: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Lines of YAML by the place in the file that each belongs to."""
    found: list[str] = []
    for place, lines in additions.items():
        found += PLACES[place].split("\n")
        found += [f"    - {line}" if place == "pairs" else f"  {line}" for line in lines]
    return tuple(found)


def _unselected(plan: Resolved) -> Iterator[Forewarning]:
    """Matched arms that end in school and are scored at their end only: they may have overfitted by then."""
    asked = plan.compare
    if not asked or asked.at != "end" or asked.select:
        return
    for point in plan.points:
        arms = point.arms
        for name in dict.fromkeys(name for pair in asked.pairs for name in pair):
            others = [other for pair in asked.pairs if name in pair for other in pair if other != name]
            if not _matched_school(arms[name]) or any(arms[other].match for other in others):
                continue
            what = (
                f"{name} is matched and scored at its end only: if it overfits there, the other arm's gain is too large"
            )
            paste = ("compare:", f"  select: {_held_out(plan)}")
            yield Forewarning(f"{what}; declare compare.select", what, paste)


def _matched_school(arm: ArmEntry) -> bool:
    return arm.match is not None and role_of(arm.stages[-1]) == "supervise"


def _held_out(plan: Resolved) -> str:
    """A probe that picks checkpoints: it reads no test split, and is measured on the way."""
    fit = (name for name, probe in plan.probes.items() if is_valid(str(probe.own.get("data"))) and probe.every)
    return next(fit, "NAME  # of a probe of mnist.valid that has 'every'")
