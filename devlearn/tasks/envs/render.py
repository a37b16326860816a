"""Pictures of one episode, played again from its seed and the learner's actions: a few moments, or every step."""

import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence

import gymnasium
import numpy as np
from devlearn_envs import BatchEnv

from devlearn.tasks.envs.actions import Array
from devlearn.tasks.envs.failures import describe, failures
from devlearn.tasks.envs.registration import check_id, make
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.sync_vector_env import SyncVectorEnv
from devlearn.tasks.envs.vector_env import native_batch

FRAMES = 8
HEIGHT = 96  # pixels
BYTES = 29_000  # of a strip, compressed
MODE = "rgb_array"
RATE = 10.0  # frames a second of an environment that does not say
_failed: set[str] = set()  # packages whose renderer has failed in this process

Look = Callable[[], Array]


def render_episode(spec: EnvSpec, seed: int, actions: Sequence[Array]) -> dict[str, Array]:
    """The episode that begins at ``seed`` and goes on with ``actions`` of one copy's policy, at moments spread evenly.

    ``steps`` (T,) int64 counts from 0, the start; ``rewards`` (T,) float32 is the return so far. What is seen:

    - ``frames`` (T, H, W) or (T, H, W, 3) uint8, T <= 8, at most 96 pixels high: what the environment draws (our own
      by ``draw``, others in Gymnasium's render mode rgb_array), or else the first picture that the learner sees;
    - otherwise ``trace`` (T, D) float32: the observation's numbers over time, as many as fit into 30 kB.
    """
    batch, look = _theatre(spec, seed)
    controls = view_and_controls(spec)[1]
    given = [controls.clean(np.asarray(action)[None], spec.action_scaling) for action in actions]
    try:
        if look is not None:
            steps, rewards, shown = _play(batch, given, look, FRAMES)
            return {"frames": _small(np.stack(shown)), "steps": steps, "rewards": rewards}
        width = min(batch.observe()[0].size, BYTES // 4 // FRAMES)
        rows = BYTES // 4 // width
        steps, rewards, shown = _play(batch, given, lambda: batch.observe()[0].ravel()[:width], rows)
        return {"trace": np.stack(shown).astype(np.float32), "steps": steps, "rewards": rewards}
    finally:
        batch.close()


def every_frame(spec: EnvSpec, seed: int, actions: Sequence[Array]) -> Iterator[Array]:
    """The same episode step by step, its start included: (H, W) or (H, W, 3) uint8, as large as it is drawn.

    Raises:
        ValueError: it can't be drawn, and the learner sees no picture.
    """
    batch, look = _theatre(spec, seed)
    controls = view_and_controls(spec)[1]
    try:
        if look is None:
            raise ValueError(f"{spec} can't be drawn here, and shows no picture: there is nothing to film")
        yield look()
        for action in actions:
            batch.step(controls.clean(np.asarray(action)[None], spec.action_scaling))
            yield look()
    finally:
        batch.close()


def frame_rate(spec: EnvSpec) -> float:
    """Frames a second: what the environment says that it is drawn at, or 10."""
    if native_batch(spec, 1) is not None:
        return RATE
    one = make(spec)
    try:
        return float(one.metadata.get("render_fps") or RATE)
    finally:
        one.close()


def _theatre(spec: EnvSpec, seed: int) -> tuple[BatchEnv, Look | None]:
    """One copy at the beginning of the episode, and how to draw it (None where that can't be done)."""
    batch = native_batch(spec, 1)
    if batch is None and _family(spec) not in _failed and _offers(spec):
        batch = _rendered(spec, seed)
        if batch is not None:
            return batch, lambda: batch.draw(0)
    batch = _begun(SyncVectorEnv(1, spec, reuse=True) if batch is None else batch, seed)
    if batch.drawable() and not isinstance(batch, SyncVectorEnv):
        return batch, lambda: batch.draw(0)
    shown = view_and_controls(spec)[0].picture
    return batch, None if shown is None else lambda: shown(batch.observe()[0])


def _begun(batch: BatchEnv, seed: int) -> BatchEnv:
    batch.reset(np.array([seed], np.int64), np.array([True]))
    return batch


def _offers(spec: EnvSpec) -> bool:
    one = make(spec)
    try:
        return MODE in (one.metadata.get("render_modes") or ())
    finally:
        one.close()


def _family(spec: EnvSpec) -> str:
    """The package of an environment, whose environments share a renderer; its id where that is not known."""
    entry_point = gymnasium.registry[check_id(spec)].entry_point
    return entry_point.partition(":")[0].rpartition(".")[0] or spec.id if isinstance(entry_point, str) else spec.id


def _rendered(spec: EnvSpec, seed: int) -> BatchEnv | None:
    """A copy that draws itself, or None, with a warning, where its renderer fails (it is often not installed).

    One that failed is not tried again: MuJoCo's, without a display, ends the process the second time.
    """
    batch = None
    try:
        batch = _begun(SyncVectorEnv(1, spec.also(render_mode=MODE), reuse=True), seed)
        batch.draw(0)
    except failures() as error:  # a renderer may fail in any way: libraries, drivers, displays
        if batch is not None:
            batch.close()
        _failed.add(_family(spec))
        warnings.warn(f"{spec} can't be drawn, so its observations are kept: {describe(error)}", stacklevel=2)
        return None
    return batch


def _play(batch: BatchEnv, actions: Sequence[Array], look: Look, count: int) -> tuple[Array, Array, list[Array]]:
    """Steps, returns so far and views at ``count`` moments or fewer, the first and the last among them."""
    moments = set(np.linspace(0, len(actions), count).round().astype(int).tolist())
    total, kept = 0.0, [(0, 0.0, look())]
    for t, action in enumerate(actions, 1):
        reward, terminated, truncated = batch.step(action)
        total, over = total + float(reward[0]), bool(terminated[0] or truncated[0])
        if t in moments or over:
            kept.append((t, total, look()))
        if over:
            break
    steps, rewards, shown = zip(*kept, strict=True)
    return np.array(steps, np.int64), np.array(rewards, np.float32), list(shown)


def _small(frames: Array) -> Array:
    """Frames averaged over squares of pixels until they are at most 96 high and 30 kB in all."""
    times = max(1, -(-frames.shape[1] // HEIGHT))
    small = _averaged(frames, times)
    while len(zlib.compress(small.tobytes())) > BYTES:
        times += 1
        small = _averaged(frames, times)
    return small


def _averaged(frames: Array, times: int) -> Array:
    if times == 1:
        return frames
    height, width = frames.shape[1] // times, frames.shape[2] // times
    cut = frames[:, : height * times, : width * times]
    squares = cut.reshape(len(frames), height, times, width, times, *frames.shape[3:])
    result: Array = squares.mean((2, 4)).round().astype(np.uint8)
    return result
