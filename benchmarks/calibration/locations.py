"""The median and the middle half of the differences, and what the clause *unless some fail* costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.calibration import hostile
from benchmarks.calibration.draws import Matrix, Rng, generator
from benchmarks.calibration.part import Part, Rate, Table, counted
from benchmarks.calibration.tests import ALPHA
from devlearn.evidence import statistics
from devlearn.evidence.analysis.values import Measure
from devlearn.records.declared import SHARE
from devlearn.records.schema import CompareFails

SEEDS = (8, 10, 16, 20, 32)
GAINS = (0.02, 0.1, 0.2, 0.3, 0.5)
SPREAD = 0.02  # standard deviation of the differences that have such a gain
ACCEPTED = 0.2
OF = ("median", "iqm")


def _of_images(images: int, right: float) -> Callable[[Rng, tuple[int, int]], Matrix]:
    """Differences of accuracies on so few images that many are tied; counted in images."""
    return lambda rng, shape: np.subtract(*rng.binomial(images, right, (2, *shape))).astype(np.float64)


EXCHANGEABLE: Mapping[str, Callable[[Rng, tuple[int, int]], Matrix]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails (t, 3 df)": lambda rng, shape: rng.standard_t(3, shape) - rng.standard_t(3, shape),
    "accuracies of 10,000 images": _of_images(10_000, 0.998),
    "accuracies of 200 images": _of_images(200, 0.9),
    "accuracies of 50 images": _of_images(50, 0.95),
    "accuracies of 20 images": _of_images(20, 0.95),
}


def middles(experiments: int, seeds: Sequence[int] = SEEDS) -> Table:
    """Differences of exchangeable arms: no location is off 0. How often is one found to be; how often is a gain?"""
    found: Table = {}
    for kind, draw in EXCHANGEABLE.items():
        for n in seeds:
            d = draw(generator("middles", kind, n), (experiments, n))
            gained = d + d.std()
            found[kind, str(n)] = {
                f"{of}: {what}": counted([statistics.LOCATIONS[of].p(one) <= ALPHA for one in sample])
                for what, sample in (("a difference", d), ("a gain of one sd found", gained))
                for of in OF
            }
    return found


def clauses(experiments: int, gains: Sequence[float] = GAINS, seeds: Sequence[int] = SEEDS) -> Table:
    """True gains of a share; nobody fails. How often is the word given, and how often without *unless some fail*?"""
    share = replace(hostile.ASKED, what=Measure(("probe", "accuracy"), "higher", None, SHARE), smallest_effect=0.01)
    asked = {
        "without the clause": share,
        "without it where 20 % are accepted": replace(share, fails=CompareFails(accept=ACCEPTED)),
        "without it where the metric has no bounds": replace(share, what=hostile.ASKED.what),
    }
    found: Table = {}
    for gain in gains:
        for n in seeds:
            shape = (experiments, n)
            d, nobody = generator("clauses", gain, n).normal(gain, SPREAD, shape), np.zeros(n, bool)
            each = {name: [hostile.said(one, nobody, nobody, what) for one in d] for name, what in asked.items()}
            words = [one.word == "better" for one in next(iter(each.values()))]
            found[f"{100 * gain:g} points", str(n)] = {
                "better": counted(words),
                **{
                    name: counted([one.word == "better" and not one.unless for one in said])
                    for name, said in each.items()
                },
            }
    return found


def _false_words(table: Table) -> str:
    """How far the test of the middle half is off, in words."""
    rates = {key: row["iqm: a difference"] for key, row in table.items()}
    coarse = ("accuracies of 50 images", "accuracies of 20 images")
    return (
        f"The middle half errs in {_range([rate for (kind, _), rate in rates.items() if kind not in coarse])} % where "
        f"it says 5, and in {_range([rate for (kind, _), rate in rates.items() if kind in coarse])} % where so few "
        "images make the values coarse, so every word that rests on it warns of that."
    )


def _range(rates: list[Rate]) -> str:
    shares = [100 * rate.share for rate in rates]
    return f"{min(shares):.1f} to {max(shares):.1f}"


PARTS = (
    Part(
        "Median and middle half",
        """`compare.of: median` (a sign test) and `iqm` (the mean of the middle half, by Tukey and McLaughlin's
        t), of exchangeable arms, whose differences have every location at 0; *coarse* ones are accuracies on
        few images, many of them tied. The sign test counts ties against a difference, as its interval does, so
        it errs less often than its level, never more. The t of the middle half is an approximation. The last
        two columns: how often a gain of one standard deviation is found.""",
        ("differences", "seeds"),
        middles,
        remark=_false_words,
    ),
    Part(
        "What the clause *unless* costs",
        """True gains in accuracy; the differences are normal with a standard deviation of 2 points, and no
        learner fails. *Better* is how often that is the verdict; then how often it comes without "unless some
        fail": by default, where the scenario accepts that 20 % fail, and for a metric without bounds. A gain
        needs no clause if it would remain although as many learners failed, and lost everything, as the sample
        can't exclude: if its interval begins above 46 points at 8 seeds, 21 at 16, 10 at 32. Smaller gains
        always carry the clause, unless the scenario accepts such a rate; that takes at least 14 learners, none
        of which failed.""",
        ("gain", "seeds"),
        clauses,
        0.03,
    ),
)
