"""Runs whose answers were written down by the first version of evidence, before results were typed.

Added since: the ledger's column ``labels_validation``; rewritten: the last digit of some intervals' ends, as the means
of what a flip leaves are added up by themselves.
"""

from typing import Any

SPENT = {"labels": 1, "label_bits": 2.5, "images": 7, "env_steps": 0, "updates": 3, "flops": 5e9}
TRIED = {
    "chosen": {"lr": 0.1}, "seeds": [100], "probe": "digits", "trials": [{"set": {"lr": 0.1}, "mean": 0.5}],
    "ledger": SPENT,
}  # fmt: skip
MATCHED = {"more-school": {"match": {"arm": "developmental", "by": "flops"}}, "sham": {"tuning": TRIED}}
OPEN = {"control": "compute", "stages": ["waves"], "arm": "x: [a]", "pair": "[developmental, x]"}
UNCONTROLLED = {"developmental": {"uncontrolled": [OPEN]}}
FIT = {"over": "labels", "from": None, "to": None, "published": -0.4}
RUNS: dict[str, dict[str, Any]] = {
    "twice": {"best": True, "compare": {"select": "digits"}, "arms": MATCHED},
    "images": {"seeds": 7, "images": True, "compare": {"looks": [7, 9]}, "pin": ["labels"]},
    "levels": {"seeds": 6, "compare": {"levels": [0.3, 0.99]}, "arms": UNCONTROLLED, "seen": [3]},
    "vary": {"seeds": 7, "vary": (10, 100, 1000), "compare": {"levels": [0.3, 0.6], "fit": FIT, "pairs": []}},
}
