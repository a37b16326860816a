"""A learner in its environment as a film: an episode that its probe played, drawn step by step."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.lazy import torch
from devlearn.records.ownership import make_folder
from devlearn.report.export import MissingExtra

if TYPE_CHECKING:
    from devlearn.probes.returns import Return
    from devlearn.runs.engine.job import Job

KINDS = ("mp4", "gif")
HEIGHT = 240  # pixels that a film has at least
Array = np.ndarray[Any, Any]


def film(folder: Path, seed: int, name: str | None, to: str, path: Path, about: Mapping[str, str]) -> Path:
    """Film the learner of a finished job in the first episode of its probe of the kind return called ``name``.

    Args:
        name: by default the job's first one.
        path: the file; ``about`` is told in its metadata, with the probe.

    Raises:
        LookupError: no such probe.
        MissingExtra: the format needs a package that is not installed.
        ValueError: the environment can't be drawn.
    """
    from devlearn.runs import engine
    from devlearn.tasks.envs.render import every_frame, frame_rate

    if to == "mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise MissingExtra(
            "--to mp4 needs the package imageio_ffmpeg: pip install 'devlearn[video]'; --to gif does not"
        )
    job, cohort = engine.grown(folder, seed)
    probe, name = _acting(job, name)
    with torch.no_grad():
        _, _, first, actions = probe.played(probe.env_spec, cohort, engine.probing_of(job, name))
    frames = map(_large, every_frame(probe.env_spec, first, actions))
    opening = next(frames)
    make_folder(path.parent)
    write = _mp4 if to == "mp4" else _gif
    write(
        path,
        itertools.chain([opening], frames),
        opening,
        frame_rate(probe.env_spec),
        json.dumps({**about, "probe": name}),
    )
    return path


def _acting(job: Job, name: str | None) -> tuple[Return, str]:
    from devlearn.probes.returns import Return

    found = {own: probe for own, probe in job.probes.items() if isinstance(probe, Return)}
    if not found:
        raise LookupError(
            "no probe of the kind return is in this scenario, so nobody is filmed: a film shows its episodes"
        )
    if name is not None and name not in found:
        raise LookupError(f"no probe {name!r} of the kind return; there are: {', '.join(found)}")
    name = name or next(iter(found))
    return found[name], name


def _large(frame: Array) -> Array:
    """(H, W) or (H, W, 3) uint8 -> (H, W, 3), pixels repeated until it is large enough, sides of even length."""
    times = max(1, -(-HEIGHT // frame.shape[0]))
    large = frame.repeat(times, 0).repeat(times, 1)
    colours = large if large.ndim == 3 else np.repeat(large[..., None], 3, -1)
    return np.pad(colours, ((0, colours.shape[0] % 2), (0, colours.shape[1] % 2), (0, 0)), "edge")


def _mp4(path: Path, frames: Iterator[Array], first: Array, rate: float, about: str) -> None:
    import imageio_ffmpeg

    size, told = (first.shape[1], first.shape[0]), ["-metadata", f"comment={about}"]
    keys = {"fps": rate, "macro_block_size": 2, "ffmpeg_log_level": "error", "output_params": told}
    writer = imageio_ffmpeg.write_frames(path, size, **keys)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()


def _gif(path: Path, frames: Iterator[Array], first: Array, rate: float, about: str) -> None:
    from PIL import Image  # which matplotlib brings

    opening, *others = (Image.fromarray(frame) for frame in frames)
    opening.save(path, save_all=True, append_images=others, duration=round(1000 / rate), loop=0, comment=about.encode())
