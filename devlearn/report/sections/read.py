"""How to read the page."""

from devlearn.report.section import Page, section

TEXT = """\
The test is the paired sign-flip on the mean difference: the same seed gives two arms the same data wherever \
they share a stage. The interval is the set of shifts that this test does not reject. Verdicts come in this \
order: identical (every learner the same), equivalent (two one-sided tests put the mean difference within the \
smallest effect of interest on either side), better or worse (p at most 0.05 after Holm's adjustment over all \
comparisons), undecided. Incomplete means that jobs are missing, that a diverged learner has no value to count \
with, or that neither arm has a finite value; exploratory, that the question is not the scenario's own.

Mean, sd, median, interquartile mean (IQM) and probability of improvement, the chance that a learner of one arm \
beats a learner of the other, describe; they decide nothing. All seeds share the test images: over seeds alone, \
an interval speaks for these images. Measurements on the way may use a fixed part of the data, those at a \
stage's end use all of it."""


@section("read", title="How to read this", after="reproduce", folded=True)
def read(page: Page) -> str:
    """What the test, the interval and the verdicts mean."""
    return TEXT
