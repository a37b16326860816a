"""The losses of ONE learner, one family a file."""

from devlearn.learners.objectives.clustering import MutualInformation, information, joint
from devlearn.learners.objectives.contrastive import NTXent
from devlearn.learners.objectives.factors import Factors, categorical, gaussian
from devlearn.learners.objectives.feedback import Feedback, FeedbackRule, Naming, partial_label
from devlearn.learners.objectives.feedback_alignment import FeedbackAlignment, Rule, check_rule, learned_by
from devlearn.learners.objectives.imitation import Imitation, misses
from devlearn.learners.objectives.objective import Batch, Objective, Result
from devlearn.learners.objectives.ppo import ClippedSurrogate
from devlearn.learners.objectives.prediction import Forecast, surprise
from devlearn.learners.objectives.q_learning import TemporalDifference, q_targets
from devlearn.learners.objectives.reconstruction import Inpainting, Reconstruction, per_pixel
from devlearn.learners.objectives.reinforce import Reinforce, sample
from devlearn.learners.objectives.soft_actor_critic import SoftPolicy, soft_targets, squashed, temperature_slope
from devlearn.learners.objectives.supervised import CrossEntropy, OwnAnswers

__all__ = [
    "Batch",
    "ClippedSurrogate",
    "CrossEntropy",
    "Factors",
    "Feedback",
    "FeedbackAlignment",
    "FeedbackRule",
    "Forecast",
    "Imitation",
    "Inpainting",
    "MutualInformation",
    "NTXent",
    "Naming",
    "Objective",
    "OwnAnswers",
    "Reconstruction",
    "Reinforce",
    "Result",
    "Rule",
    "SoftPolicy",
    "TemporalDifference",
    "categorical",
    "check_rule",
    "gaussian",
    "information",
    "joint",
    "learned_by",
    "misses",
    "partial_label",
    "per_pixel",
    "q_targets",
    "sample",
    "soft_targets",
    "squashed",
    "surprise",
    "temperature_slope",
]
