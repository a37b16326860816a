"""ThreeStories: A makes B, B makes A, or something makes both; what is seen is the same, what is done is not."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits, random_shares

LOOK, SET_A, SET_B, UNKNOWN = range(4)  # what happened in a trial; the first three are actions too
ANSWER = 3  # the action that names the first graph
A_TO_B, B_TO_A, COMMON = range(3)
ACTS = ("observe", "random", "choose")
SHOWS = ("counts", "last")
LAST, NOW, LEFT, ONE, EPS, SIZE = 8, 14, 15, 16, 17, 18  # places in an observation, and how long it is


class ThreeStories(BatchEnv):
    """
    ## Description
    Causal discovery with two lamps, A and B: A lights B, B lights A, or an unseen common cause lights both. Each
    episode has one of these three graphs. Without intervention each lamp is on half of the time and the two differ with
    probability ``eps``, whatever the graph is, so that observation alone does not tell graphs apart. In a trial a lamp
    may be set, to on or off with equal probability; then the other follows, but with probability ``eps``, where it is
    lit by that lamp, and is on or off at random where it is not. After ``2 k`` trials the learner names the graph,
    once.

    ## Action Space
    ``Discrete(6)``: in a trial 0 looks, 1 sets A, 2 sets B; after the last trial 3, 4 and 5 answer that A lights B,
    that B lights A, that a common cause lights both. Action masks say which are allowed. One that is not allowed does
    in a trial what the first allowed one does, and is a wrong answer after the last.

    ## Observation Space
    ``Box(-1, 1, (18,), float32)``: trials are of four kinds: nothing was set, A was, B was, or it is not known what
    was. For each kind, the share of the episode's trials that were of it and in which both lamps were alike, and in
    which they differed (4 x 2 numbers); the kind of the last trial (4 numbers, one-hot), A and B in it, 1 on and -1
    off; 1 if it is time to answer; the share of trials left; ``1 / (2 k)``; ``eps``. Without ``efference`` (unless
    ``acts`` is ``observe``) shares are all of the fourth kind, and so is a last trial in which a lamp was set. With
    ``show: counts`` the places of the last trial are 0, with ``show: last`` those of the shares.

    ## Starting State
    A graph, uniformly, by a hash of the episode's seed. What is random in a trial is a hash of the seed and the trial.

    ## Reward
    1 for the right answer, 0 for a wrong one and in every trial.

    ## Episode End
    Termination: with the answer, after ``2 k + 1`` steps.

    ## Arguments
    * ``k`` (3): half the number of trials, at least 1.
    * ``acts`` (choose): ``observe``, nothing is set; ``random``, each lamp is set k times, in random order; ``choose``,
      the learner says which lamp is set next, each k times.
    * ``free`` (False): of ``choose``: any lamp may be set in any trial, or none.
    * ``efference`` (True): whether observations say which lamp was set (an efference copy).
    * ``show`` (counts): ``counts`` shows how many trials there were of each kind, which is all that matters; ``last``
      the last trial alone.
    * ``eps`` (0.0): the probability that a lamp differs from the one that lights it, from 0 to 0.5.

    ## References
    Pearl (2009), Causality, for graphs that no observation tells apart; Steyvers et al. (2003), Inferring causal
    networks from observations and interventions, doi:10.1207/s15516709cog2703_6; Held and Hein (1963),
    Movement-produced stimulation in the development of visually guided behavior, doi:10.1037/h0040546, for the yoked.

    ## Deviations
    The people of Steyvers et al. choose one intervention in a network whose nodes they all see; here there are two
    lamps, up to ``2 k`` interventions and a cause that is never seen. Held and Hein's kittens are yoked by a harness;
    here a learner has the actions of another done again (``of`` of ``trial.ppo``).

    ## Version History
    * v0: first version.
    """

    answers = (3, 4, 5)
    question = NOW
    views = ("efference", "show")

    def __init__(
        self,
        copies: int,
        k: int = 3,
        acts: str = "choose",
        free: bool = False,
        efference: bool = True,
        show: str = "counts",
        eps: float = 0.0,
    ) -> None:
        super().__init__(copies)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        if acts not in ACTS:
            raise ValueError(f"acts must be one of {', '.join(ACTS)}, not {acts!r}")
        if show not in SHOWS:
            raise ValueError(f"show must be one of {', '.join(SHOWS)}, not {show!r}")
        if free and acts != "choose":
            raise ValueError(f"free says what may be chosen, and acts is {acts!r}; drop free, or let acts be choose")
        if not 0 <= eps <= 0.5:
            raise ValueError(f"eps must be from 0 to 0.5, not {eps}")
        self.observation_space = spaces.Box(-1.0, 1.0, (SIZE,), np.float32)
        self.action_space = spaces.Discrete(6)
        self.k, self.trials, self.acts, self.free = k, 2 * k, acts, free
        self.efference, self.show, self.eps = efference, show, eps
        self.flip = (1 - np.sqrt(1 - 2 * eps)) / 2  # of each lamp from what lights both: 2 d (1 - d) = eps
        self._rows = np.arange(copies)
        self._seed, self._graph, self._steps = (np.zeros(copies, np.int64) for _ in range(3))
        self._counts = np.zeros((copies, 3, 2), np.int64)  # by what was set: alike, different
        self._last = np.zeros((copies, 3), np.int64)  # what was set, A, B

    def reset(self, seeds: Array, where: Array) -> None:
        self._seed[where] = seeds[where]
        self._graph[where] = (random_bits(seeds[where], 0) % np.uint64(3)).astype(np.int64)
        self._steps[where], self._counts[where], self._last[where] = 0, 0, 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        answering = self._steps >= self.trials
        kinds = self._kinds(np.asarray(actions))
        a, b = self._tossed(kinds)
        trying = ~answering
        self._counts[self._rows[trying], kinds[trying], (a != b)[trying].astype(np.int64)] += 1
        self._last[trying] = np.stack([kinds, a, b], 1)[trying]
        self._steps += 1
        right = answering & (actions == ANSWER + self._graph)
        return right.astype(np.float32), answering, np.zeros(self.copies, bool)

    def _kinds(self, actions: Array) -> Array:
        """What is set in this trial, (K,)."""
        if self.acts == "observe":
            return np.zeros(self.copies, np.int64)
        left = self.k - self._counts[:, 1:].sum(2)  # (K, 2)
        if self.acts == "random":  # all orders of k and k are equally likely
            return np.where(self._toss(0) * left.sum(1) < left[:, 0], SET_A, SET_B)
        if self.free:
            return np.where(actions < ANSWER, actions, LOOK)
        fallback = np.where(left[:, 0] > 0, SET_A, SET_B)
        allowed = ((actions == SET_A) & (left[:, 0] > 0)) | ((actions == SET_B) & (left[:, 1] > 0))
        return np.where(allowed, actions, fallback)

    def _tossed(self, kinds: Array) -> tuple[Array, Array]:
        """Both lamps in a trial in which ``kinds`` (K,) are set: (K,) of 0 and 1 each."""
        one, other = (random_bits(self._seed, 5 + 5 * self._steps) >> np.uint64(j) & np.uint64(1) for j in (0, 1))
        one, other = one.astype(np.int64), other.astype(np.int64)
        follows = one ^ (self._toss(1) < self.eps)
        graph, looking = self._graph, kinds == LOOK
        a = np.where(kinds == SET_A, one, np.where((graph == B_TO_A) & (kinds == SET_B), follows, other))
        b = np.where(kinds == SET_B, one, np.where((graph == A_TO_B) & (kinds == SET_A), follows, other))
        a = np.where(looking, np.where(graph == COMMON, one ^ (self._toss(2) < self.flip), one), a)
        b = np.where(looking, np.where(graph == COMMON, one ^ (self._toss(3) < self.flip), follows), b)
        return a, b

    def _toss(self, which: int) -> Array:
        """A number in [0, 1) of this trial, (K,)."""
        return random_shares(self._seed, 1 + 5 * self._steps + which)

    def masks(self) -> Array:
        allowed = np.zeros((self.copies, 6), bool)
        answering = self._steps >= self.trials
        allowed[answering, ANSWER:] = True
        if self.acts != "choose" or self.free:
            allowed[~answering, : ANSWER if self.free else 1] = True
        else:
            allowed[:, SET_A:ANSWER] = (self._counts[:, 1:].sum(2) < self.k) & ~answering[:, None]
        return allowed

    def observe(self) -> Array:
        seen = np.zeros((self.copies, SIZE), np.float32)
        told = self.efference or self.acts == "observe"
        if self.show == "counts":
            shares = self._counts / self.trials
            if told:
                seen[:, : 2 * UNKNOWN] = shares.reshape(self.copies, -1)
            else:
                seen[:, 2 * UNKNOWN : LAST] = shares.sum(1)
        else:
            kind = np.where(told | (self._last[:, 0] == LOOK), self._last[:, 0], UNKNOWN)
            seen[self._rows, LAST + kind] = 1
            seen[:, LAST + 4 : NOW] = 2 * self._last[:, 1:] - 1
            seen[self._steps == 0, LAST:NOW] = 0
        seen[:, NOW] = self._steps >= self.trials
        seen[:, LEFT] = np.clip(1 - self._steps / self.trials, 0, 1)
        seen[:, ONE], seen[:, EPS] = 1 / self.trials, self.eps
        return seen

    def draw(self, index: int) -> Array:
        """Which story it is, both lamps, and how often each was alike or not: rows of cells."""
        cells = np.full((3, 6), 40, np.uint8)
        cells[self._graph[index], 0] = 255
        cells[:2, 2] = np.where(self._last[index, 1:] == 1, 255, 90)
        cells[:, 4:] = 60 + 190 * self._counts[index] // self.trials
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {name: getattr(self, f"_{name}").copy() for name in ("seed", "graph", "steps", "counts", "last")}

    def load(self, state: dict[str, Array]) -> None:
        for name, array in state.items():
            setattr(self, f"_{name}", array.copy())


@environment("devlearn/ThreeStories-v0")
class ThreeStoriesEnv(SingleEnv):
    __doc__ = ThreeStories.__doc__
    batch = ThreeStories

    @staticmethod
    def bot(observation: Array, rng: np.random.Generator) -> int:
        """Whoever sets what tells most and names what is likeliest then; ties by the toss of a coin."""
        from devlearn_envs.story_observers import explore

        said = explore(observation[None].astype(np.float64), np.zeros((1, 0)))[0][0]
        allowed = np.arange(6) >= ANSWER if observation[NOW] else np.arange(6) < ANSWER
        best = np.flatnonzero(allowed & (said > said[allowed].max() - 1e-3))
        return int(rng.choice(best))
