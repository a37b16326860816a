"""Eight learners an arm, and what a pair of such arms, ``a`` and ``b``, is asked."""

WOBBLE = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02, -0.03, 0.01]
BASE = [0.5 + w for w in WOBBLE]
PAIR = {"pairs": [["a", "b"]], "smallest_effect": 0.2}
