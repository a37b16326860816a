"""What a stage may see while it is lived: streams, data, environments, artifacts. Nothing in it can be written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from devlearn.lazy import torch
from devlearn.scenario.splits import may_be_learned
from devlearn.streams import PINNED, Streams, streams
from devlearn.tasks.data import load, load_altered
from devlearn.tasks.envs import EnvSpec, VectorEnv

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.scenario import Of
    from devlearn.tasks.data import Dataset, View
    from devlearn.tasks.envs.lessons import Schedule
    from devlearn.tasks.envs.stream import Stream

EPISODE = "episode"  # the stream of a world
State = dict[str, Any]


@dataclass(frozen=True)
class GivenLearners:
    """Learners of another arm at the end of one of its stages; row n is of the same seed as learner n.

    ``brain`` are their parameters and buffers by qualified name, (N, *shape), of the brain that all arms share.
    ``ledger`` is what each had consumed by then, {unit: (N,)}.
    """

    brain: Mapping[str, Tensor]
    ledger: Mapping[str, Tensor]

    def cohort(self, like: Cohort) -> Cohort:
        """They as a cohort of their own; ``like`` is one of the same brain."""
        given = like.clone()
        given.load(self.brain)
        return given


@dataclass(frozen=True)
class GivenOrder:
    """The lessons that learners of another arm had in one of its stages; row n is of the same seed as learner n.

    ``lessons`` are their numbers (N, M), or points (N, M, D), episode by episode; row n has ``counts[n]`` of them.
    ``ledger`` is what each had consumed by the stage's end, {unit: (N,)}.
    """

    lessons: Tensor
    counts: Tensor
    ledger: Mapping[str, Tensor]


@dataclass(frozen=True)
class GivenStream:
    """What learners of another arm did in one of its stages, step by step; row n is of the same seed as learner n.

    ``actions`` (N, E, M) in each of E copies, ``marks`` (N, E, M // 16) checksums of where these led. ``visit`` is the
    number of the stage's visit, which its episodes are drawn by. ``ledger`` is what each had consumed by the stage's
    end, {unit: (N,)}.
    """

    actions: Tensor
    marks: Tensor
    visit: int
    ledger: Mapping[str, Tensor]


Given: TypeAlias = "GivenLearners | GivenOrder | GivenStream"


@dataclass(frozen=True)
class Context:
    """What a stage may see. Nothing in it can be written to.

    ``planned`` is the number of yields that the declared budget comes to, for schedules. ``inherited`` are the
    optimiser moments that the stage before left behind, for ``optimiser: continue``; None where there are none.
    ``artifacts`` are what a stage takes from other arms, by its keys that say so (``of``), ``kept`` what protections
    have kept of earlier stages, {kind: state}. ``measuring`` is true for
    probes, which alone may read a test split. ``pin`` are the names of streams that are the same for all learners.
    """

    seeds: tuple[int, ...]
    name: str
    visit: int
    device: torch.device
    planned: int
    inherited: State | None = None
    artifacts: Mapping[Of, Given] = field(default_factory=dict)
    measuring: bool = False
    kept: Mapping[str, State] = field(default_factory=dict)
    pin: frozenset[str] = frozenset()

    def learners_of(self, of: Of) -> GivenLearners:
        """The learners of another arm that a stage takes."""
        given = self.artifacts[of]
        assert isinstance(given, GivenLearners)
        return given

    def order_of(self, of: Of) -> GivenOrder:
        """The order of lessons of another arm that a stage takes."""
        given = self.artifacts[of]
        assert isinstance(given, GivenOrder)
        return given

    def stream_of(self, of: Of) -> GivenStream:
        """What another arm's learners did, which a stage takes."""
        given = self.artifacts[of]
        assert isinstance(given, GivenStream)
        return given

    def streams(self, *names: str, counter: int = 0) -> Streams:
        """This stage's randomness called ``names``, at block ``counter`` (an epoch, a rollout)."""
        return streams(self.drawn_by(names[0]), self.name, self.visit, *names, counter=counter)

    def drawn_by(self, stream: str) -> tuple[int, ...]:
        """The seeds that key a stream of this stage: the learners' own, or one for all where it is pinned."""
        return (PINNED,) * len(self.seeds) if stream in self.pin else self.seeds

    def minibatches(self, count: int, batch: int, done: int, stream: str = "order") -> Iterator[Tensor]:
        """Positions in range(count), (N, min(batch, count)) each, endlessly: every epoch in a new order.

        ``done`` is the number of minibatches already taken, ``stream`` the name of the stream that orders them. What is
        left over at an epoch's end is dropped.
        """
        size = min(batch, count)
        while True:
            epoch, start = divmod(done, count // size)
            order = torch.from_numpy(self.streams(stream, counter=epoch).permutation(count)).to(self.device)
            for column in range(start * size, count - size + 1, size):
                yield order[:, column : column + size]
                done += 1

    def inherit(self) -> State:
        """The moments that the stage before left behind, for a stage that ``continues``.

        Raises ValueError where there are none.
        """
        if not self.inherited:
            raise ValueError("'optimiser: continue' needs a stage before it that leaves optimiser moments behind")
        return dict(self.inherited)

    def data(
        self, split: str, blur: float = 0.0, sham: bool = False, shift: int = 0, view: View | None = None
    ) -> Dataset:
        """A data set on the device, e.g. ``mnist.train``, perhaps out of focus (``blur``: pixels, one sd).

        ``sham``: as many images without structure, see ``devlearn.tasks.data.sham``. ``shift``: each image is moved by
        up to so many pixels, always by the same; ``view``: how all are seen. Raises ValueError where a stage asks for a
        test split.
        """
        if not self.measuring and not may_be_learned(split):
            raise ValueError(f"a stage may not read {split}; only probes may")
        if not (blur or sham or shift or view):
            return load(split, self.device)
        return load_altered(split, self.device, sham, shift, blur, view)

    def world(
        self,
        env: EnvSpec | str,
        copies: int,
        state: State | None = None,
        purpose: str = "",
        keys: Mapping[str, Any] | None = None,
        lessons: Schedule | None = None,
        stream: Stream | None = None,
    ) -> VectorEnv:
        """``copies`` environments for each learner, fresh or resumed from ``state``. Close it in a ``finally``.

        ``env`` is what a stage's own ``env_spec`` says, or an id, whose keyword arguments are ``keys``; ``purpose``
        names its stream (``""`` for training). Episodes are drawn from the stream ``episode``; ``lessons`` say what
        else an episode is made with, a ``stream`` notes what is done.
        """
        spec = env if isinstance(env, EnvSpec) else EnvSpec.of(env, keys)
        names, episodes = (self.name, self.visit, purpose), self.drawn_by(EPISODE)
        return VectorEnv(spec, self.seeds, copies, names, state, episodes=episodes, lessons=lessons, stream=stream)
