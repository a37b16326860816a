"""GreedyCasino: two machines, and a casino that knows what one means to do."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits, random_shares

ACTS = ("intended", "random", "choose")
WINS = np.array([[0.10, 0.50, 0.40, 0.20], [0.50, 0.10, 0.20, 0.40]])  # machine; drunk and blinking: 00, 01, 10, 11


class GreedyCasino(BatchEnv):
    """
    ## Description
    A two-armed bandit with an unobserved confounder: the casino sets the odds by what the player means to play. The
    player is drunk or not (D) and the machines' lights blink or not (B), independently, each with probability .5. The
    player means to play machine ``D xor B``, and the probability of a win is

    | D B | 0 0 | 0 1 | 1 0 | 1 1 |
    |---|---|---|---|---|
    | means to play | 0 | 1 | 1 | 0 |
    | machine 0 wins | .10 | .50 | .40 | .20 |
    | machine 1 wins | .50 | .10 | .20 | .40 |

    So a player wins with probability .15 by doing what was meant, .30 by tossing a coin, .45 by doing the opposite.
    Neither observation of players who do what they mean nor a randomised trial tells that: in both the machines pay
    alike, .15 each and .30 each. The optimum takes notice of what was meant and plays the other machine.

    ## Action Space
    ``Discrete(2)``: the machine.

    ## Observation Space
    ``Box(-1, 1, (2,), float32)``: the machine that is meant, -1 for 0 and 1 for 1, or 0 without ``intuition``; 1 if it
    is shown, else 0. D and B are never shown.

    ## Starting State
    D and B are hashes of the episode's seed; so is whether a machine wins.

    ## Reward
    1 for a win, 0 for none.

    ## Episode End
    Termination: after the one step.

    ## Arguments
    * ``acts`` (choose): ``intended``, the machine that is meant is played, and ``random``, one of both with equal
      probability, whatever the action is; ``choose``, that of the action.
    * ``intuition`` (True): whether the machine that is meant is part of the observation.

    ## References
    Bareinboim, Forney and Pearl (2015), Bandits with unobserved confounders: a causal approach.

    ## Deviations
    None known.

    ## Version History
    * v0: first version.
    """

    answers = (0, 1)
    views = ("intuition",)

    def __init__(self, copies: int, acts: str = "choose", intuition: bool = True) -> None:
        super().__init__(copies)
        if acts not in ACTS:
            raise ValueError(f"acts must be one of {', '.join(ACTS)}, not {acts!r}")
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.acts, self.intuition = acts, intuition
        self._seed, self._situation, self._steps = (np.zeros(copies, np.int64) for _ in range(3))

    def _meant(self) -> Array:
        return self._situation >> 1 ^ self._situation & 1

    def reset(self, seeds: Array, where: Array) -> None:
        self._seed[where], self._steps[where] = seeds[where], 0
        self._situation[where] = (random_bits(seeds[where], 0) % np.uint64(4)).astype(np.int64)

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        played = np.asarray(actions)
        if self.acts == "intended":
            played = self._meant()
        elif self.acts == "random":
            played = (random_bits(self._seed, 1) & np.uint64(1)).astype(np.int64)
        won = random_shares(self._seed, 2) < WINS[played, self._situation]
        self._steps += 1
        return won.astype(np.float32), np.ones(self.copies, bool), np.zeros(self.copies, bool)

    def observe(self) -> Array:
        shown = np.stack([2 * self._meant() - 1, np.ones(self.copies)], 1).astype(np.float32)
        return shown * np.float32(self.intuition)

    def draw(self, index: int) -> Array:
        """What the player can be and the machine blink, and which machine is meant: rows of cells."""
        situation = self._situation[index]
        cells = np.full((3, 2), 40, np.uint8)
        cells[[0, 1], [situation >> 1, situation & 1]] = 140
        cells[2, self._meant()[index]] = 255
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {name: getattr(self, f"_{name}").copy() for name in ("seed", "situation", "steps")}

    def load(self, state: dict[str, Array]) -> None:
        for name, array in state.items():
            setattr(self, f"_{name}", array.copy())


def contrary(observation: Array, memory: Array) -> tuple[Array, Array]:
    """The optimum, as a controller: the machine that one does not mean to play. Observations (K, 2), logits (K, 2)."""
    return np.concatenate([observation[:, :1], -observation[:, :1]], 1), memory


def obedient(observation: Array, memory: Array) -> tuple[Array, Array]:
    """What the casino counts on, as a controller: the machine that one means to play."""
    return np.concatenate([-observation[:, :1], observation[:, :1]], 1), memory


@environment("devlearn/GreedyCasino-v0")
class GreedyCasinoEnv(SingleEnv):
    __doc__ = GreedyCasino.__doc__
    batch = GreedyCasino

    @staticmethod
    def bot(observation: Array, rng: np.random.Generator) -> int:
        """Plays what it means to; any machine where it does not notice."""
        return int(observation[0] > 0) if observation[1] else int(rng.integers(2))
