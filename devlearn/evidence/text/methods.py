"""How a comparison was made, as a paragraph for a paper, and how to cite it."""

from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.evidence.text.comparison import OF, claim, look_of
from devlearn.evidence.text.formats import level, listed, moment, plain, plural, size
from devlearn.evidence.text.points import settings
from devlearn.records.reader import RunRecords
from devlearn.records.results import Comparison, PairResult, TestKind

MANY = 12  # names that are listed
TESTS = {
    TestKind.EXACT: "a two-sided sign-flip test of the {of}, over all flips",
    TestKind.RANDOM: "a two-sided sign-flip test of the {of}, over 99,999 random flips",
    TestKind.WELCH: "Welch's two-sided t-test, unpaired",
    TestKind.SIGNS: "a two-sided sign test of the median difference",
    TestKind.MIDDLE: "a two-sided t-test of the trimmed mean (Tukey and McLaughlin)",
}


def methods(run: RunRecords, points: Sequence[Comparison]) -> str:
    """What was run, what was measured, and how it was tested, in one paragraph."""
    return " ".join(filter(None, [_run(run, points), _measured(run, points[0]), _tested(points[0]), _program(run)]))


def _run(run: RunRecords, points: Sequence[Comparison]) -> str:
    arms = list(points[0].arms)
    named = f" ({', '.join(arms)})" if len(arms) <= MANY else ""
    varied = (
        f", at each of {len(points)} values of {listed(list(settings(points[0].point)))}" if len(points) > 1 else ""
    )
    many = plural(len(run.resolved.seeds), "learner")
    pairing = "the same seed gives arms the same draws in the stages that they share"
    counted = [one.n for one in points[0].comparisons or points[0].arms.values()]
    said = f" {claim(points[0])}" if counted and all(counted) else ""
    return f"{plural(len(arms), 'arm')}{named} were trained with {many} each{varied}; {pairing}.{said}"


def _measured(run: RunRecords, found: Comparison) -> str:
    probe = run.resolved.probes.get(found.probe)
    split = (probe.own.get("data") or "") if probe else ""
    on = f" on {split}" if isinstance(split, str) and split else ""
    return f"The outcome is {found.probe} {plain(found.metric)}{on} {moment(found.at)}; {found.better} is better."


def _tested(found: Comparison) -> str:
    if not found.comparisons:
        return "No pairs were declared, so nothing was tested."
    first = found.comparisons[0]
    kinds = dict.fromkeys(pair.test for pair in found.comparisons)
    paired = "seed by seed" if all(pair.test.paired for pair in found.comparisons) else "between arms"
    text = f"Differences were taken {paired} and tested by {listed([_test(kind, found) for kind in kinds])}"
    text += f"; p was adjusted after Holm over {plural(found.family, 'comparison')}" * (found.family > 1)
    if found.look and found.look.planned:
        text += f", at {look_of(found.look)} that were planned"
    text += f". Intervals, at {level(first.level)}, are the shifts that the test does not reject."
    if found.smallest_effect:
        text += (
            " Arms are called equivalent where two one-sided tests put the difference within"
            f" {size(found.smallest_effect, found.unit)}, the smallest effect of interest."
        )
    return f"{text}{_failures(found.comparisons)}"


def _test(kind: TestKind, found: Comparison) -> str:
    return TESTS[kind].format(of=OF[found.of] if found.of != "mean" else "mean difference")


def _failures(pairs: Sequence[PairResult]) -> str:
    gone = any(pair.failures and (pair.failures.arm or pair.failures.against) for pair in pairs)
    return " Learners that diverged were counted with the probe's worst value; none was left out." * gone


def _program(run: RunRecords) -> str:
    versions: Mapping[str, str] = run.manifest.get("versions") or {}
    if not versions:
        return ""
    machine: Mapping[str, Any] = run.manifest.get("machine") or {}
    which = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "devlearn")
    where = ", ".join(filter(None, [str(machine.get("processor") or ""), str(machine.get("platform") or "")]))
    begun = str(run.manifest.get("begun") or run.manifest.get("started") or "")[:10]
    return (
        f"It was run with devlearn {versions.get('devlearn', '')} ({which}) on {where}"
        f"{f', {begun}' if begun else ''}; the question's digest is {run.resolved.digest[:16]}."
    )


def citation(run: RunRecords) -> str:
    """BibTeX of the program that a run was made with."""
    version = (run.manifest.get("versions") or {}).get("devlearn", "")
    year = str(run.manifest.get("begun") or run.manifest.get("started") or "")[:4]
    fields = {
        "author": "{the devlearn authors}",
        "title": "devlearn: a laboratory for developmental learning",
        "version": str(version),
        "year": year,
        "note": f"scenario {run.resolved.scenario}, digest {run.resolved.digest[:16]}, {_seeds(run.resolved.seeds)}",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@software{devlearn,\n" + ",\n".join(lines) + "\n}"


def _seeds(seeds: Sequence[int]) -> str:
    whole = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"seeds {seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 1 else f"seeds {', '.join(map(str, seeds))}"
