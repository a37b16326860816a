"""Spontaneous retinal waves, and the same without what makes them waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.streams import Streams

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = 24  # frames of a movie
WARM_UP = 12  # frames before the first that is shown
ROUNDS = 3  # of a phase-randomised movie: spectrum, then brightness
BINS = 4096  # in which its pixels are ranked
TINY = 1e-30


def movies(
    streams: Streams, number: int, refractory: int = 6, rate: float = 0.3, sides: tuple[int, int] = (28, 28)
) -> Tensor:
    """Waves of a Greenberg-Hastings automaton on a torus of ``sides`` H x W: (N, FRAMES, number, H, W) uint8.

    A resting cell fires when one of its eight neighbours fires, then is refractory for ``refractory`` frames. Each
    movie starts from three firing cells whose upper half is blocked, which breaks the symmetry and makes waves turn,
    and with probability ``rate`` a frame one random cell fires by itself. Brightness falls with the time since
    firing and is blurred by a 3 x 3 binomial kernel. Sources: Greenberg & Hastings (1978) for the automaton, Ligeralde
    et al. (2023) for learning from waves before the eyes open.
    """
    total, (height, width) = WARM_UP + FRAMES, sides
    cells = height * width
    sites = torch.from_numpy(streams.integers(cells, total + 3, number))  # (N, T + 3, M)
    fires = torch.from_numpy(streams.random(total, number)) < rate  # (N, T, M)
    n = len(sites)
    age = torch.zeros(n, number, cells, dtype=torch.int8)  # 0 rests, 1 fires, 2.. refractory
    for k in range(3):
        age.scatter_(2, sites[:, total + k, :, None], 1)
        age.scatter_(2, (sites[:, total + k, :, None] + width) % cells, 2)
    age = age.view(n * number, height, width)
    shown = torch.empty(n, FRAMES, number, height, width, dtype=torch.uint8)
    for t in range(total):
        spark = torch.zeros(n, number, cells, dtype=torch.bool)
        spark.scatter_(2, sites[:, t, :, None], fires[:, t, :, None])
        age = _next(age, spark.view_as(age), refractory)
        if t >= WARM_UP:
            light = (refractory + 2 - age).mul_(age > 0).float() / (refractory + 1)
            shown[:, t - WARM_UP] = _blur(light).mul(255).round().byte().view(n, number, height, width)
    return shown


def _next(age: Tensor, spark: Tensor, refractory: int) -> Tensor:
    firing = age == 1
    rows = firing | firing.roll(1, -2) | firing.roll(-1, -2)
    near = rows | rows.roll(1, -1) | rows.roll(-1, -1)
    busy = age > 0
    later = age + busy
    later *= later <= refractory + 1
    later += (near | spark) & ~busy
    return later


def _blur(light: Tensor) -> Tensor:
    rows = light + (light.roll(1, -2) + light.roll(-1, -2)) / 2
    return (rows + (rows.roll(1, -1) + rows.roll(-1, -1)) / 2) / 4


def phase_randomised(played: Tensor, streams: Streams) -> Tensor:
    """Movies (N, T, M, H, W) uint8 with the same spatiotemporal power spectrum and brightness, at random phases.

    White noise is given a movie's Fourier amplitudes over time and space, then its distribution of brightness (exactly,
    up to ties), ``ROUNDS`` times: what bytes allow of a spectrum (Schreiber and Schmitz 1996, Improved surrogate data
    for nonlinearity tests). Total power is kept within a few per cent, amplitudes correlate at .97.
    """
    found = torch.empty_like(played)
    for movie in range(played.shape[2]):  # one at a time: spectra are large
        noise = torch.from_numpy(streams.normal(*played.shape[1:2], *played.shape[3:])).to(played.device)
        for n in range(len(played)):  # of several at once the last bits depend on how many they are, on some processors
            found[n, :, movie] = _surrogate(played[n : n + 1, :, movie], noise[n : n + 1].clone())[0]
    return found


def _surrogate(shown: Tensor, mixed: Tensor) -> Tensor:
    """Movies (N, T, H, W) in bytes, remade from noise of that shape."""
    axes, sizes = (1, 2, 3), shown.shape[1:]
    amplitude = torch.fft.rfftn(shown.float(), dim=axes).abs()
    levels = _counts(shown.flatten(1).long(), 256).cumsum(1)
    for _ in range(ROUNDS):
        spectrum = torch.fft.rfftn(mixed, dim=axes)
        spectrum *= amplitude / spectrum.abs().clamp_(min=TINY)  # its phases are kept
        mixed = torch.fft.irfft(torch.fft.ifftn(spectrum, dim=axes[:-1]), sizes[-1])  # irfftn takes longer
        mixed = _ranked(mixed.flatten(1), levels).view(mixed.shape)
    return mixed.byte()


def _ranked(values: Tensor, levels: Tensor) -> Tensor:
    """Values (N, D) replaced in order of size by as many of each byte as ``levels`` (N, 256), cumulated, say."""
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    bins = ((values - low) * ((BINS - 1) / (high - low).clamp(min=1e-9))).long()
    counts = _counts(bins, BINS)
    middles = counts.cumsum(1) - counts / 2  # of each bin, in order of size: how many levels lie below it is its byte
    above = torch.searchsorted(middles, levels, right=True)  # (N, 256), the first bin above each level
    table = _counts(above, BINS + 1).cumsum(1).clamp_(max=255)
    return table.gather(1, bins)


def _counts(values: Tensor, bins: int) -> Tensor:
    """How often each of 0..bins-1 is in values (N, D): (N, bins) float32."""
    ones = torch.ones_like(values, dtype=torch.float32)
    return torch.zeros(len(values), bins, device=values.device).scatter_add_(1, values, ones)


def shuffled_frames(played: Tensor, streams: Streams) -> Tensor:
    """Movies (N, T, M, H, W), the frames of each in an order of its own."""
    order = torch.from_numpy(streams.random(*played.shape[1:3])).argsort(1).to(played.device)  # (N, T, M)
    return played.gather(1, order[..., None, None].expand_as(played))


def white(played: Tensor, streams: Streams) -> Tensor:
    """Movies (N, T, M, H, W) of white noise: every pixel is drawn anew from its movie's own pixels."""
    n, frames, number, height, width = played.shape
    pixels = played.movedim(2, 1).reshape(n, number, -1)  # (N, M, T * H * W)
    drawn = torch.from_numpy(streams.integers(pixels.shape[2], *pixels.shape[1:])).to(played.device)
    return pixels.gather(2, drawn).view(n, number, frames, height, width).movedim(1, 2)


SHAMS = {"phase": phase_randomised, "shuffled_frames": shuffled_frames, "noise": white}
