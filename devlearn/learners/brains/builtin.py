"""The keys of the built-in brains; the networks that they describe are in ``brain.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from devlearn.learners.brains.needs import is_convolved
from devlearn.registry import register

if TYPE_CHECKING:
    from devlearn.learners.brains.brain import Brain
    from devlearn.learners.brains.needs import Needs

Activation = Literal["relu", "tanh"]
Init = Literal["default", "orthogonal"]
Width = Annotated[int, Field(ge=1)]


class Inputs(BaseModel):
    """What the numbers of bytes, 0..1, are standardised by: less ``mean``, over ``std``; the same for all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    mean: float = Field(0.0, description="what is taken off")
    std: float = Field(1.0, gt=0, description="what is divided by")


class MLP(BaseModel):
    """A multi-layer perceptron: one layer a sense, shared layers, one layer a head.

    An observation (B, ..) of a sense is laid flat, x (B, D): bytes become 0 to 1, or what ``inputs`` makes of them,
    words are one-hot, other numbers keep their scale, unless a stage asks for running statistics. Then
    ``h_1 = f(W x + b)`` (B, width[0]) with weights of the sense's own, and ``h_i = f(W_i h_(i-1) + b_i)``
    (B, width[i-1]) with weights that all senses share; f is the activation. Each head reads the last h by a linear
    layer of its own, (B, size of the head). Of an observation with several entries each goes through the layer of its
    own sense, and what they give, ``W x + b``, is summed before f.

    With ``memory: gru`` a gated recurrent unit of width[-1] numbers stands behind the last layer, with ``episodic``
    one head of attention over what that layer gave in the last ``slots`` steps of the episode; heads read what comes
    of it.

    Source:
        Weights at birth: He et al. 2015, and Saxe et al. 2014 (orthogonal). ``gru``: Cho et al. 2014. ``episodic``:
        Vaswani et al. 2017 (attention), Shaw et al. 2018 (keys of how long ago). ``layer_norm``: Ba et al. 2016.

    Deviations:
        ``default`` is torch's reading of He et al., with smaller weights: uniform within ``1 / sqrt(inputs)``. The
        recurrent unit has torch's reset gate, behind the product. ``layer_norm`` has no gains and shifts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Literal["mlp"] = "mlp"
    width: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (256, 128), description="units of each hidden layer; the first belongs to the sense"
    )
    activation: Activation = Field("relu", description="the non-linearity")
    init: Init = Field(
        "default",
        description="default (torch's: uniform within 1 / sqrt(inputs), biases too) or orthogonal (biases 0); "
        "convolutions always have the default",
    )
    critic: Literal["shared", "own"] = Field("shared", description="whether return estimates have layers of their own")
    memory: Literal["none", "gru", "episodic"] = Field(
        "none",
        description="what the last layer feeds: nothing, a recurrent layer, or slots that are written and attended to",
    )
    slots: int = Field(32, ge=1, description="steps that an episodic memory holds, the latest; others have none")
    layer_norm: bool = Field(
        False,
        description="whether what drives the units of a hidden layer, convolutions apart, is made to have mean 0 and "
        "variance 1 over them before the activation; without gains and shifts of its own",
    )
    linear_features: bool = Field(False, description="whether the last layer is linear: a code, as of an autoencoder")
    inputs: Inputs | None = Field(
        None, description="mean and std by which bytes, as numbers from 0 to 1, are standardised; empty: they are not"
    )

    @model_validator(mode="after")
    def _deep_enough(self) -> MLP:
        if self.linear_features and len(self.width) < 2:
            raise ValueError(f"linear_features needs a layer before the last one; width has only {list(self.width)}")
        return self

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what says nothing: brains of before are called what they were called."""
        silent = {"slots": self.memory != "episodic", "inputs": self.inputs is None, "layer_norm": not self.layer_norm}
        return {key: value for key, value in handler(self).items() if not silent.get(key)}

    def build(self, needs: Needs) -> Brain:
        """One learner's network."""
        from devlearn.learners.brains.brain import Brain

        return Brain(needs, self)


class Conv(MLP):
    """Convolutions for image senses (kernel, activation, 2 x 2 max pooling), then the layers of an MLP.

    A picture (B, C, H, W) goes through ``channels[0]`` kernels, padded so that its sides stay, the activation and the
    pooling: (B, channels[0], H // 2, W // 2), and so on for each of ``channels``. What comes of it is laid flat, and
    the layers of ``mlp`` follow, of which the first belongs to the sense. A stack of T pictures has T times the
    channels. Senses that are no pictures, or too small to be halved so often, enter as in ``mlp``.

    Source:
        LeCun et al. 1998, Gradient-based learning applied to document recognition.

    Deviations:
        The order of layers alone is theirs: pooling takes the largest number, every kernel sees all channels.
    """

    kind: Literal["conv"] = "conv"  # type: ignore[assignment]
    channels: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (16, 32), description="output channels of each convolution"
    )
    kernel: Literal[3, 5] = Field(3, description="side of the square kernels")
    width: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (128,), description="units of each hidden layer after the convolutions"
    )

    def build(self, needs: Needs) -> Brain:
        """One learner's network. Raises ValueError where no sense is a picture that convolutions can look at."""
        senses = {name: sense for name, sense in needs.senses.items() if not sense.parts}
        if senses and not any(is_convolved(sense, len(self.channels)) for sense in senses.values()):
            seen = ", ".join(f"{name} {sense.space.shape}" for name, sense in senses.items())
            least = 2 ** len(self.channels)
            why = f"kind: conv needs a picture of {least} x {least} pixels or more, and what is sensed is {seen}"
            raise ValueError(f"{why}; use kind: mlp")
        return super().build(needs)


register("brains", "mlp")(MLP)
register("brains", "conv")(Conv)
