"""What was to be reached in speed, set before, beside what docs/bench.json and docs/start_up.json say of it.

Commands were measured on two machines: what docs/start_up_slower.json says stands in brackets.
"""

import statistics
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

PPO, MLP = "play, PPO, CartPole, native", "school, MLP 784-256-128-10"
BODY = "play, PPO, HalfCheetah of Gymnasium's"
SB3, JAX, LOADER = "stable-baselines3", "JAX", "DataLoader script"
OURS, COMPILED = "devlearn, ", "devlearn --compile, "
TORCH = "python -c 'import torch'"
WHOLE = "run first_steps, from the command to the report"


class Found(NamedTuple):
    """A measured number in words; whether it is what was to be reached, where it was recorded and on the slower one."""

    text: str
    reached: bool
    slower: bool | None = None

    def verdict(self) -> str:
        if self.reached and self.slower is False:
            return "reached, **missed** on the slower"
        return "reached" if self.reached else "**missed**"


class Aim(NamedTuple):
    """``before``: what the number was when the aim was set, on 2026-11-27, one core at 55 to 70 GFLOP/s."""

    work: str
    before: str
    aim: str
    found: Found | None


def table(
    bench: Mapping[str, Any] | None, start: Mapping[str, Any] | None, slower: Mapping[str, Any] | None = None
) -> list[str]:
    """Rows of every aim that was measured."""
    aims = [*(_side_by_side(bench) if bench else []), *(_commands(start, slower) if start else [])]
    rows = ["| work | before | aim | measured | |", "|---|---|---|---|---|"]
    for aim in aims:
        found = aim.found or Found("not measured", False)
        rows.append(f"| {aim.work} | {aim.before} | {aim.aim} | {found.text} | {found.verdict()} |")
    return rows


def _side_by_side(bench: Mapping[str, Any]) -> list[Aim]:
    cases = {case["case"]: case["contenders"] for case in bench["cases"]}
    ppo, mlp = cases.get(PPO, {}), cases.get(MLP, {})
    return [
        Aim(
            "PPO, CartPole, 32 seeds, steady", "0.49 x one compiled JAX program", "0.8 x",
            _ratio(ppo, JAX, lambda ratio: ratio >= 0.8),
        ),
        Aim(
            "the same with `--compile`, steady", "0.49 x without it", "0.8 x",
            _ratio(ppo, JAX, lambda ratio: ratio >= 0.8, COMPILED),
        ),
        Aim(
            "the same without it, time to the verdict of 32 x 100,000 env_steps", "",
            "shorter than JAX's, compiling included", _verdicts(ppo, JAX),
        ),
        Aim(
            "the same with `--compile`, for the first time on a machine", "", "shorter than JAX's, compiling included",
            _verdicts(ppo, JAX, COMPILED),
        ),
        Aim(
            "the same without it, steady", "10.7 to 11 x stable-baselines3", "stay there (10 x or more)",
            _ratio(ppo, SB3, lambda ratio: ratio >= 10),
        ),
        Aim(
            "PPO, HalfCheetah-v5, 16 seeds, steady", "1.7 to 3.5 x stable-baselines3 for four seeds", "4 x",
            _ratio(cases.get(BODY, {}), SB3, lambda ratio: ratio >= 4),
        ),
        Aim(
            "MLP 784-256-128-10, batch 128, 32 seeds", "3.0 x the DataLoader script", "stay there (2.7 x or more)",
            _ratio(mlp, LOADER, lambda ratio: ratio >= 2.7),
        ),
    ]  # fmt: skip


def _named(contenders: Mapping[str, Any], peer: str) -> Any:
    """What was measured of the contender whose name begins so; None where it is missing."""
    return next((found for name, found in contenders.items() if name.startswith(peer)), None)


def _ratio(
    contenders: Mapping[str, Any], peer: str, reached: Callable[[float], bool], ours: str = OURS
) -> Found | None:
    """The rate of ``ours`` over that of a peer, turn by turn: the median, the least and the most."""
    own, other = _named(contenders, ours), _named(contenders, peer)
    if own is None or other is None:
        return None
    turns = [one / another for one, another in zip(own["rates"], other["rates"], strict=True)]
    ratio, low, high = statistics.median(turns), min(turns), max(turns)
    return Found(f"{ratio:.2f} x ({low:.2f} to {high:.2f})", reached(ratio))


def _verdicts(contenders: Mapping[str, Any], peer: str, ours: str = OURS) -> Found | None:
    own, other = _named(contenders, ours), _named(contenders, peer)
    if own is None or other is None:
        return None
    mine, theirs = own["verdict"], other["verdict"]
    return Found(f"{mine:.1f} s against {theirs:.1f} s", mine < theirs)


def _commands(start: Mapping[str, Any], slower: Mapping[str, Any] | None) -> list[Aim]:
    times, others = (
        {command: statistics.median(seconds) for command, seconds in (found or {"seconds": {}})["seconds"].items()}
        for found in (start, slower)
    )

    def within(command: str, limit: float) -> Found | None:
        if command not in times:
            return None
        other = others.get(command)
        there = "" if other is None else f" ({other:.2f} s)"
        return Found(
            f"{times[command]:.2f} s{there}", times[command] <= limit, None if other is None else other <= limit
        )

    planned = "run first_steps --dry-run"
    ratio = times[planned] / times[TORCH]
    there = f"; {others[planned] / others[TORCH]:.2f} x" if planned in others else ""
    return [
        Aim("`check scenario first_steps`", "9.0 s", "1.0 s", within("check scenario first_steps", 1.0)),
        Aim(
            "`run first_steps --dry-run`", "8.8 s, 2.3 x `import torch`", "1.5 x",
            Found(f"{ratio:.2f} x ({times[planned]:.1f} s{there})", ratio <= 1.5),
        ),
        Aim("`list stages`", "4.4 s", "0.5 s", within("list stages", 0.5)),
        Aim("`compare` of first_steps", "3.9 s", "1.5 s", within("compare RUN", 1.5)),
        Aim("`report` of first_steps", "10.2 s", "5 s", within("report RUN", 5.0)),
        Aim("first_steps, 16 seeds, two cores, to the report", "231 s", "60 s", within(WHOLE, 60.0)),
    ]  # fmt: skip
