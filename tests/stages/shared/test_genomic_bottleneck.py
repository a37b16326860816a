"""Weights grown from a genome: codes by hand, growth against the sum that defines it, and the sizes of genomes."""

import math

import pytest
import torch
from torch import Tensor

from devlearn.stages.shared.genomic_bottleneck import Bottleneck, Growth, bits, pixels
from devlearn.streams import streams
from devlearn.tasks.data import IMAGE_SENSE
from devlearn.tasks.data.sets.mnist import MNIST

FIRST = f"body.senses.{IMAGE_SENSE}.layer.weight"
SHAPES = {FIRST: torch.Size((20, 784)), "bias": torch.Size((20,)), "head.weight": torch.Size((10, 20))}


def test_codes_by_hand() -> None:
    assert bits(3).tolist() == [[-1, -1], [1, -1], [-1, 1]]
    assert bits(4, gray=True).tolist() == [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    assert bits(1).shape == (1, 1)


@pytest.mark.parametrize("gray", [False, True])
def test_every_neuron_has_a_code_of_its_own(gray: bool) -> None:
    assert len(bits(784, gray).unique(dim=0)) == 784
    assert bits(784, gray).shape == (784, 10)


def test_neighbouring_pixels_differ_in_one_bit() -> None:
    codes = pixels((28, 28)).view(28, 28, 10)
    assert len(pixels((28, 28)).unique(dim=0)) == 784
    for step in (codes[1:] - codes[:-1], codes[:, 1:] - codes[:, :-1]):
        assert ((step != 0).sum(-1) == 1).all()


def grown_by_hand(growth: Growth, parts: list[Tensor]) -> Tensor:
    """One learner's weights, entry by entry, then centred over the inputs."""
    pre, post, phase, out = (part[0] for part in parts)
    found = torch.zeros(len(growth.post), len(growth.pre), dtype=torch.float64)
    for o, q in enumerate(growth.post.double()):
        for i, p in enumerate(growth.pre.double()):
            found[o, i] = (out * (p @ pre + q @ post + phase).sin()).sum()
    return (found - found.mean(1, keepdim=True)).view(growth.shape) * math.sqrt(2 / len(growth.pre))


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3, 3)])
def test_growth_is_the_sum_that_defines_it(shape: tuple[int, ...]) -> None:
    growth = Growth(torch.Size(shape), bits(math.prod(shape[1:])), bits(shape[0]), 6)
    generator = torch.Generator().manual_seed(1)
    parts = [torch.randn((1, *s), generator=generator, dtype=torch.float64) for s in growth.shapes().values()]
    torch.testing.assert_close(growth.grow(*parts)[0], grown_by_hand(growth, parts))


@pytest.mark.parametrize("compression", [4, 16, 40])
def test_genomes_are_sized_to_the_compression(compression: float) -> None:
    """Within half a hidden unit of each g-network."""
    found = Bottleneck.of(SHAPES, compression, "grid", MNIST)
    numbers = sum(growth.genes for growth in found.growths.values())
    assert found.compression == sum(shape.numel() for shape in SHAPES.values()) / numbers
    slack = sum(growth.genes / growth.units / 2 for growth in found.growths.values())
    assert abs(numbers - 15_900 / compression) <= slack + 1  # 15,900 weights and biases
    genes = found.conceive(lambda name: streams((0, 1), "genes", name), torch.zeros(1))
    assert sum(gene[0].numel() for gene in genes.values()) == numbers


def test_a_genome_has_a_unit_for_each_tensor_at_least() -> None:
    assert {growth.units for growth in Bottleneck.of(SHAPES, 1e9, "gray", MNIST).growths.values()} == {1}


def test_pixels_have_places_in_the_grid_code_alone() -> None:
    grid, binary = (Bottleneck.of(SHAPES, 10, code, MNIST) for code in ("grid", "binary"))  # type: ignore[arg-type]
    assert torch.equal(grid.growths[FIRST].pre, pixels((28, 28)))
    assert torch.equal(binary.growths[FIRST].pre, bits(784))
    assert torch.equal(grid.growths["head.weight"].pre, bits(20))


def test_biases_are_no_part_of_a_genome() -> None:
    found = Bottleneck.of({**SHAPES, "norm.weight": torch.Size((20,))}, 10, "grid", MNIST)
    assert set(found.biases) == {"bias"}
    assert set(found.growths) == {FIRST, "head.weight"}
    with pytest.raises(ValueError, match="no tensor with two axes"):
        Bottleneck.of({"bias": torch.Size((4,))}, 10, "grid", MNIST)
