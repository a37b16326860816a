"""Blickets: which things make a machine light up, and whether one of them is enough."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits, random_shares

ACTS = ("random", "choose")
COUNTS = ("one", "any")
RULES = ("disjunctive", "conjunctive", "either")
MOST = 5  # things


@dataclass(frozen=True)
class Worlds:
    """All that a machine may be, each as likely as ``prior`` (H,) says.

    ``blickets`` (H,) are sets as bits, ``lights`` (H, S) whether the machine lights with each set on it.
    """

    blickets: Array
    lights: Array
    prior: Array


@lru_cache(maxsize=32)
def worlds(objects: int, blickets: str, rule: str) -> Worlds:
    """What can be drawn: first a rule, then a set of blickets that the rule can show."""
    sets = np.arange(2**objects)
    size = (sets[:, None] >> np.arange(objects) & 1).sum(1)
    found = []
    rules = ("disjunctive", "conjunctive") if rule == "either" else (rule,)
    for name in rules:
        least = 1 if name == "disjunctive" else 2
        hidden = sets[size == 1] if blickets == "one" else sets[size >= least]
        found += [(int(own), least, 1 / len(rules) / len(hidden)) for own in hidden]
    lights = [size[own & sets] >= least for own, least, _ in found]
    return Worlds(np.array([own for own, _, _ in found]), np.array(lights), np.array([prior for *_, prior in found]))


class Blickets(BatchEnv):
    """
    ## Description
    Causal induction: the learner finds out by trials which objects, the blickets, make a machine light up. Under a
    disjunctive rule the machine lights where at least one blicket is on it, under a conjunctive rule where at least two
    are. Blickets and rule are drawn anew in every episode and are not shown. In each of ``trials`` trials a set of
    objects is put on the machine; then the learner names the set of all blickets, once.

    ## Action Space
    ``Discrete(2 S)`` with ``S = 2^objects`` sets of objects, object i being bit i: in a trial, s < S puts set s on the
    machine; after the last trial, S + s answers that set s are the blickets. Action masks say which are allowed (with
    ``acts: random`` 0 alone in a trial, where the set is drawn). One that is not allowed puts the empty set on the
    machine in a trial, and is a wrong answer after the last.

    ## Observation Space
    ``Box(0, 1, (2 S + 2,), float32)``: for each set s, in place 2 s, 1 if it was on the machine in this episode and it
    lit, and in place 2 s + 1, 1 if it was and it stayed dark; 1 if it is time to answer; the share of trials left.

    ## Starting State
    A rule and then a set of blickets, both drawn uniformly by a hash of the episode's seed; a conjunctive rule has two
    blickets at least, as with fewer it never lights. Sets that are put on at random are hashes of the seed and the
    trial.

    ## Reward
    1 for naming exactly the set of blickets, 0 for anything else and in every trial.

    ## Episode End
    Termination: with the answer, after ``trials + 1`` steps.

    ## Arguments
    * ``objects`` (3): their number, from 2 to 5.
    * ``blickets`` (any): ``one``, exactly one object is a blicket; ``any``, any number is, from one on.
    * ``rule`` (disjunctive): ``disjunctive``, ``conjunctive`` or ``either``, each in half of the episodes.
    * ``trials`` (3): sets that are put on the machine before the answer, at least 1.
    * ``acts`` (choose): ``random``, sets are drawn uniformly; ``choose``, the learner chooses them.

    ## References
    Gopnik and Sobel (2000), Detecting blickets, doi:10.1111/1467-8624.00224; Lucas, Bridgers, Griffiths and Gopnik
    (2014), When children are better (or at least more open-minded) learners than adults,
    doi:10.1016/j.cognition.2013.12.010, for the two rules.

    ## Deviations
    Both papers show fixed demonstrations and ask about single objects; here sets are random or the learner's choice,
    and all blickets are named at once. Lucas et al. let a rule be learned over several machines; here it is drawn in
    every episode.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        copies: int,
        objects: int = 3,
        blickets: str = "any",
        rule: str = "disjunctive",
        trials: int = 3,
        acts: str = "choose",
    ) -> None:
        super().__init__(copies)
        if not 2 <= objects <= MOST:
            raise ValueError(f"objects must be from 2 to {MOST}, not {objects}")
        for name, value, known in (("blickets", blickets, COUNTS), ("rule", rule, RULES), ("acts", acts, ACTS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if blickets == "one" and rule != "disjunctive":
            raise ValueError(f"one blicket never lights a machine whose rule is conjunctive, and rule is {rule!r}")
        if trials < 1:
            raise ValueError(f"trials must be at least 1, not {trials}")
        self.sets = 2**objects
        self.observation_space = spaces.Box(0.0, 1.0, (2 * self.sets + 2,), np.float32)
        self.action_space = spaces.Discrete(2 * self.sets)
        self.answers, self.question = tuple(range(self.sets, 2 * self.sets)), 2 * self.sets
        self.trials, self.acts, self.worlds = trials, acts, worlds(objects, blickets, rule)
        self._seed, self._world, self._steps = (np.zeros(copies, np.int64) for _ in range(3))
        self._seen = np.zeros((copies, self.sets, 2), bool)  # with each set on it: lit, dark
        self._rows = np.arange(copies)

    def reset(self, seeds: Array, where: Array) -> None:
        seeds = seeds[where]
        drawn = np.searchsorted(self.worlds.prior.cumsum(), random_shares(seeds, 0), side="right")
        self._world[where] = np.minimum(drawn, len(self.worlds.prior) - 1)
        self._seed[where], self._steps[where], self._seen[where] = seeds, 0, False

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        answering, actions = self._steps >= self.trials, np.asarray(actions)
        put = np.where(actions < self.sets, actions, 0)
        if self.acts == "random":
            put = (random_bits(self._seed, 1 + self._steps) % np.uint64(self.sets)).astype(np.int64)
        dark = ~self.worlds.lights[self._world, put]
        trying = ~answering
        self._seen[self._rows[trying], put[trying], dark[trying].astype(np.int64)] = True
        self._steps += 1
        right = answering & (actions - self.sets == self.worlds.blickets[self._world])
        return right.astype(np.float32), answering, np.zeros(self.copies, bool)

    def masks(self) -> Array:
        allowed = np.zeros((self.copies, 2 * self.sets), bool)
        answering = self._steps >= self.trials
        allowed[answering, self.sets :] = True
        allowed[~answering, : self.sets if self.acts == "choose" else 1] = True
        return allowed

    def observe(self) -> Array:
        seen = np.zeros((self.copies, 2 * self.sets + 2), np.float32)
        seen[:, :-2] = self._seen.reshape(self.copies, -1)
        seen[:, -2] = self._steps >= self.trials
        seen[:, -1] = np.clip(1 - self._steps / self.trials, 0, 1)
        return seen

    def draw(self, index: int) -> Array:
        """Which objects are blickets, and below which sets were seen to light the machine, or not: rows of cells."""
        objects = self.sets.bit_length() - 1
        blickets = self.worlds.blickets[self._world[index]] >> np.arange(objects) & 1
        cells = np.zeros((4, self.sets), np.uint8)
        cells[0, :objects] = np.where(blickets == 1, 255, 90)
        cells[2:] = np.where(self._seen[index].T, 255, 40)
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {name: getattr(self, f"_{name}").copy() for name in ("seed", "world", "steps", "seen")}

    def load(self, state: dict[str, Array]) -> None:
        for name, array in state.items():
            setattr(self, f"_{name}", array.copy())


@environment("devlearn/Blickets-v0")
class BlicketsEnv(SingleEnv):
    __doc__ = Blickets.__doc__
    batch = Blickets
