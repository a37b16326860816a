"""Waves travel; each sham keeps what it says and loses the rest."""

import pytest
import torch

from devlearn.streams import streams
from devlearn.tasks.data.waves import FRAMES, SHAMS, movies

SEEDS, MOVIES = (0, 1), 6
PLAYED = movies(streams(SEEDS, "movies"), MOVIES)  # (N, T, M, 28, 28)


def amplitudes(played: torch.Tensor) -> torch.Tensor:
    """Without the mean: (N, M, frequencies)."""
    found = torch.fft.rfftn(played.movedim(2, 1).float(), dim=(2, 3, 4)).abs()
    found[:, :, 0, 0, 0] = 0
    return found.flatten(2)


def likeness(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean correlation of two sets of images (.., 28, 28)."""
    one, two = (x.flatten(-2).double() - x.flatten(-2).double().mean(-1, keepdim=True) for x in (first, second))
    return float(torch.cosine_similarity(one, two, dim=-1).mean())


def sham(kind: str) -> torch.Tensor:
    return SHAMS[kind](PLAYED, streams(SEEDS, "sham"))


@pytest.mark.parametrize("kind", SHAMS)
def test_every_sham_is_a_movie_of_bytes_that_a_learner_draws_in_any_company(kind: str) -> None:
    found = sham(kind)
    assert found.shape == PLAYED.shape and found.dtype == torch.uint8
    assert torch.equal(SHAMS[kind](PLAYED[1:], streams(SEEDS[1:], "sham"))[0], found[1])
    brightness, own = found.float(), PLAYED.float()
    assert abs(brightness.mean() / own.mean() - 1) < 0.02 and abs(brightness.std() / own.std() - 1) < 0.02


def test_random_phases_keep_power_and_lose_the_fronts() -> None:
    found = sham("phase")
    own, new = amplitudes(PLAYED), amplitudes(found)
    assert (new.square().sum(-1) / own.square().sum(-1) - 1).abs().max() < 0.08
    assert torch.corrcoef(torch.stack([own.flatten(), new.flatten()]))[0, 1] > 0.95
    assert abs(likeness(PLAYED, found)) < 0.05
    now, after = likeness(PLAYED[:, :-1], PLAYED[:, 1:]), likeness(found[:, :-1], found[:, 1:])
    assert now > 0.3 and abs(now - after) < 0.1  # neighbours in time stay as like


def test_shuffled_frames_keep_every_frame_and_lose_their_order() -> None:
    found = sham("shuffled_frames")
    sums = (PLAYED.long().sum((-1, -2)), found.long().sum((-1, -2)))  # (N, T, M)
    assert torch.equal(sums[0].sort(1).values, sums[1].sort(1).values)
    assert likeness(found[:, :-1], found[:, 1:]) < likeness(PLAYED[:, :-1], PLAYED[:, 1:]) - 0.2
    assert not torch.equal(sums[1][:, :, 0].argsort(1), sums[0][:, :, 0].argsort(1))


def test_white_noise_has_no_neighbours_in_space_or_time() -> None:
    found = sham("noise")
    assert abs(likeness(found[:, :-1], found[:, 1:])) < 0.02
    assert abs(likeness(found[..., :-1], found[..., 1:])) < 0.02
    assert likeness(PLAYED[..., :-1], PLAYED[..., 1:]) > 0.6
    power = amplitudes(found).square()
    assert abs(power[..., : power.shape[-1] // 2].mean() / power.mean() - 1) < 0.05


def test_waves_move() -> None:
    """A frame is more like the next one than like one six frames on."""
    assert PLAYED.shape[1] == FRAMES
    assert likeness(PLAYED[:, :-6], PLAYED[:, 1:-5]) > likeness(PLAYED[:, :-6], PLAYED[:, 6:]) + 0.2
