"""School without gradients: perturbed copies are marked, and the learner moves towards the better ones."""

from collections.abc import Iterator

from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context, State
from devlearn.stages.shared.evolution_strategy import Generations
from devlearn.stages.stage import Metrics, stage


@stage("supervise.evolution")
class Evolution(Generations):
    """Climbs 0/1 accuracy itself, or the cross-entropy as a control, by evolution strategies: no gradient anywhere.

    An update is a generation: P = ``population`` copies, weights plus and minus ``sigma`` times P/2 normal directions
    ``d_i``, see one minibatch of B images, forward passes only. Their fitness becomes centred ranks ``F`` in -1/2..1/2,
    and the optimiser follows ``sum_i (F_i+ - F_i-) d_i / (P sigma)``. Parameters that the read-out does not depend on
    stay. ``images`` counts what the copies are shown, P x B a generation; FLOPs are P forward passes.

    Metrics:
        loss: mean cross-entropy of the copies on the minibatch, in nats
        accuracy: mean accuracy of the copies on the minibatch

    Source:
        Salimans, Ho, Chen, Sidor and Sutskever (2017), Evolution strategies as a scalable alternative to reinforcement
        learning, Algorithm 1 with mirrored sampling, fitness shaping and a table of noise.

    Deviations:
        Copies of equal fitness share their mean rank, as accuracy has many ties; each learner has its own table, of
        2^20 numbers (or twice the weights, where that is more), drawn anew every 32 generations.
    """

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self.generations(cohort, state, context)
