"""Deformed views: what each number does to a picture, against rotations, shifts and sums that are known."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from devlearn.streams import streams
from devlearn.tasks.data.augment import AFFINE, GRID, Views, warped

NONE = {"rotate": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0, "elastic": 0.0}
PIXELS = torch.arange(28) - 13.5


def views(**bounds: float) -> Views:
    return Views.model_validate({**NONE, **bounds})


def how(**numbers: float) -> Tensor:
    """One deformation by its six numbers."""
    names = ("angle", "across", "down", "shear", "dx", "dy")
    return torch.tensor([[numbers.get(name, 0.0) for name in names]])


def blob(x: float = 0.0, y: float = 0.0, wide: float = 2.0, high: float = 2.0) -> Tensor:
    """A smooth spot around (x, y), in pixels from the middle, down is positive: (1, 28, 28)."""
    across, down = (PIXELS - x) / wide, (PIXELS - y) / high
    return torch.exp(-0.5 * (across.square() + down.square()[:, None]))[None]


def centre(images: Tensor) -> Tensor:
    """Centres of mass (..., 2) in pixels from the middle: across, down."""
    mass = images.sum((-2, -1))
    return torch.stack([(images.sum(-2) * PIXELS).sum(-1) / mass, (images.sum(-1) * PIXELS).sum(-1) / mass], -1)


def spread(images: Tensor) -> Tensor:
    """Standard deviations (..., 2) across and down."""
    mass, middle = images.sum((-2, -1)), centre(images)
    across = (images.sum(-2) * (PIXELS - middle[..., :1]).square()).sum(-1) / mass
    down = (images.sum(-1) * (PIXELS - middle[..., 1:]).square()).sum(-1) / mass
    return torch.stack([across, down], -1).sqrt()


def test_without_any_bound_a_view_is_the_image() -> None:
    images = torch.from_numpy(streams((0, 1), "pixels").integers(256, 5, 28, 28)).byte()
    numbers = views().draw(streams((0, 1), "views"), 5)
    assert numbers.shape == (2, 5, AFFINE) and not numbers.any()
    torch.testing.assert_close(warped(images, numbers), images.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("dx", "dy"), [(3.0, 0.0), (0.0, -2.0), (1.25, 2.5)])
def test_a_shift_moves_the_centre_of_mass_by_as_much_and_in_that_direction(dx: float, dy: float) -> None:
    moved = centre(warped(blob(1.0, -1.0), how(dx=dx, dy=dy))) - centre(blob(1.0, -1.0))
    torch.testing.assert_close(moved, torch.tensor([[dx, dy]]), atol=1e-2, rtol=0)


def test_a_quarter_turn_is_torchs_and_leaves_the_corners_black() -> None:
    image = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0))
    turned = warped(image, how(angle=math.pi / 2))
    assert any(torch.allclose(turned, torch.rot90(image, times, (1, 2)), atol=1e-4) for times in (1, 3))
    back = warped(turned, how(angle=-math.pi / 2))
    torch.testing.assert_close(back, image, atol=1e-4, rtol=0)
    corners = warped(torch.ones(1, 28, 28), how(angle=math.pi / 4))[0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()


def test_opposite_angles_turn_opposite_ways() -> None:
    one, other = (centre(warped(blob(6.0, 0.0), how(angle=angle)))[0] for angle in (0.3, -0.3))
    assert math.isclose(one[0], 6 * math.cos(0.3), abs_tol=0.02) and math.isclose(one[0], other[0], abs_tol=1e-3)
    assert math.isclose(abs(one[1]), 6 * math.sin(0.3), abs_tol=0.02) and math.isclose(one[1], -other[1], abs_tol=1e-3)


def test_a_scale_stretches_its_own_axis_by_its_exponential() -> None:
    before = spread(blob())[0]
    wide, high = spread(warped(blob(), how(across=0.3)))[0], spread(warped(blob(), how(down=-0.3)))[0]
    # Linear interpolation adds at most a quarter of a pixel's square to a variance.
    torch.testing.assert_close(wide / before, torch.tensor([math.exp(0.3), 1.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(high / before, torch.tensor([1.0, math.exp(-0.3)]), atol=0.03, rtol=0)


def test_a_shear_moves_rows_in_proportion_to_their_height() -> None:
    tops = [centre(warped(blob(0.0, y), how(shear=0.25)))[0] for y in (-6.0, 0.0, 6.0)]
    assert abs(tops[1][0]) < 1e-2
    assert math.isclose(abs(tops[0][0]), 1.5, abs_tol=0.05) and math.isclose(tops[0][0], -tops[2][0], abs_tol=0.02)
    assert all(math.isclose(top[1], y, abs_tol=0.02) for top, y in zip(tops, (-6.0, 0.0, 6.0), strict=True))


def test_draws_keep_their_bounds_and_fill_them() -> None:
    numbers = views(rotate=10, scale=0.1, shear=0.2, shift=3).draw(streams((0,), "views"), 4000)[0]
    bounds = torch.tensor([math.radians(10), 0.1, 0.1, 0.2, 3.0, 3.0])
    assert (numbers.abs() <= bounds).all()
    assert (numbers.amax(0) > 0.99 * bounds).all() and (numbers.amin(0) < -0.99 * bounds).all()
    assert (numbers.mean(0).abs() < 5 * bounds / math.sqrt(3 * 4000)).all()


def test_the_elastic_field_has_no_mean_and_its_deviation_at_the_nodes() -> None:
    drawn = views(elastic=0.8).draw(streams((0, 1), "views"), 3000)
    nodes = drawn[..., AFFINE:]
    assert drawn.shape == (2, 3000, AFFINE + 2 * GRID * GRID) and not drawn[..., :AFFINE].any()
    count = nodes.numel()
    assert abs(nodes.mean()) < 5 * 0.8 / math.sqrt(count)
    assert abs(nodes.std() - 0.8) < 5 * 0.8 / math.sqrt(2 * count)
    moved = centre(warped(blob()[None].expand(1, 3000, 28, 28), drawn[:1])) - centre(blob())
    assert (moved.mean(1).abs() < 5 * moved.std(1) / math.sqrt(3000)).all()
    assert (moved.std(1) > 0.2).all()


def test_equal_nodes_shift_the_whole_image() -> None:
    """Every node moved by the same two numbers: the field is constant, sampling moves against it."""
    field = torch.cat([torch.zeros(6), torch.full((25,), 2.0), torch.full((25,), -1.0)])[None]
    torch.testing.assert_close(warped(blob(), field), warped(blob(), how(dx=-2.0, dy=1.0)), atol=1e-4, rtol=0)


def test_a_learners_views_do_not_depend_on_company() -> None:
    together, alone = (views(rotate=5, elastic=1).draw(streams(seeds, "views"), 7) for seeds in ((3, 8), (8,)))
    assert torch.equal(together[1], alone[0])
    assert not torch.equal(together[0], together[1])


def test_bytes_and_floats_give_the_same_and_the_input_is_left_alone() -> None:
    images = torch.from_numpy(streams((0,), "pixels").integers(256, 6, 28, 28)).byte()
    kept, numbers = images.clone(), Views.model_validate({}).draw(streams((0,), "views"), 6)
    assert torch.equal(warped(images, numbers), warped(images.float(), numbers))
    assert torch.equal(images, kept)
    assert warped(images, numbers).dtype == torch.float32


def test_many_at_once_are_one_at_a_time() -> None:
    """More than a chunk of images, over two leading axes."""
    images = torch.from_numpy(streams((0, 1), "pixels").integers(256, 200, 28, 28)).byte()
    numbers = Views.model_validate({}).draw(streams((0, 1), "views"), 200)
    whole = warped(images, numbers)
    for n, b in np.ndindex(2, 200):
        if b % 37 == 0:
            alone = warped(images[n, b : b + 1], numbers[n, b : b + 1])[0]
            torch.testing.assert_close(whole[n, b], alone, atol=1e-3, rtol=0)
