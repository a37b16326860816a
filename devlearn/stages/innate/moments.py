"""The control for a distribution of weights: noise with the same mean and spread."""

import torch
from torch import Tensor

from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import RemakeEach, normal
from devlearn.stages.stage import stage


@stage("innate.moments")
class Moments(RemakeEach):
    """Replaces every weight and bias tensor by Gaussian noise with the same mean and standard deviation, once.

    Both are kept exactly: the draws are standardised within the tensor. What else the tensor's distribution had, its
    tails above all, is gone together with the arrangement; a shuffle keeps it. A tensor of one number is left alone.

    Deviations:
        None: it is a control of this project, not a published method.
    """

    control = "moments"
    draws = ("noise",)

    def anew(self, name: str, weights: Tensor, context: Context) -> Tensor:
        flat = weights.flatten(1).double()  # (N, D)
        if flat.shape[1] == 1:
            return weights
        noise = normal(context, "noise", name, flat, flat.shape[1])
        noise = (noise - noise.mean(1, keepdim=True)) / noise.std(1, keepdim=True)
        sd, mean = torch.std_mean(flat, 1, keepdim=True)
        return (mean + sd * noise).view_as(weights)
