"""Runs whose workers, supervisor and fork server are killed again and again, held against runs that are left alone.

``python -m tests.chaos.kills 50 SEED FOLDER`` kills so often over all scenarios here and prints what differs.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cut import Over, long_enough

HEAD = "devlearn: 1\nscenario: {name}\nseeds: 2\nblock: 1\nbrain: {{kind: mlp, width: [64, 32]}}\n"
SCENARIOS: Mapping[str, str] = {
    "school": """
stages:
  look: {kind: pretrain.denoise, updates: 400, batch: 64}
  school: {kind: supervise, labels: 100, updates: 400, batch: 64, protect: {kind: ewc}}
arms: {plain: [school], looked: [look, school]}
probes: {digits: {kind: accuracy, data: mnist.test, every: 50}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}
""",
    "play": """
stages:
  reach: {kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: 12000, num_envs: 4, rollout: 32}
  swing: {kind: trial.ppo, env: Acrobot-v1, env_steps: 6000, num_envs: 4, rollout: 32}
arms: {grown: [reach, swing], alone: [swing]}
probes: {skill: {kind: return, env: Acrobot-v1, episodes: 4, worst: -500}}
compare: {probe: skill, smallest_effect: 1, pairs: [[grown, alone]]}
""",
    "replay": """
stages:
  swing: {kind: trial.dqn, env: CartPole-v1, env_steps: 6000, num_envs: 4, learning_starts: 500}
arms: {learner: [swing], untrained: [{use: swing, set: {random: true}}]}
probes: {skill: {kind: return, env: CartPole-v1, episodes: 4, worst: 0}}
compare: {probe: skill, smallest_effect: 1, pairs: [[learner, untrained]]}
""",
    "tune": """
stages:
  school: {kind: supervise, labels: 100, updates: 500, batch: 64}
arms: {one: [school], two: [{use: school, set: {optimiser: sgd}}]}
probes:
  digits: {kind: accuracy, data: mnist.test, every: 100}
  chosen: {kind: accuracy, data: mnist.valid}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[one, two]]}
tune: {seeds: [100], probe: chosen, over: {stages.school.lr: [0.001, 0.01]}}
""",
    "taught": """
stages:
  hear: {kind: caregiver.words, data: odd_one_out.train, updates: 300}
  shift: {kind: supervise, labels: 100, updates: 300, view: {rotate: 30}}
arms: {heard: [hear, shift], plain: [shift]}
probes: {digits: {kind: accuracy, data: mnist.test, every: 50}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[heard, plain]]}
""",
}
ENVIRONMENT = {**os.environ, "DEVLEARN_CHECKPOINT_SECONDS": "0.3", "OMP_NUM_THREADS": "1"}
KEPT = ("comparison.json", "analyses.json", "resolved.json", "job.json")
SECONDS = re.compile(rb'"seconds": [^\n,]*')  # of a wall clock: the only thing that may differ
BUDGET = re.compile(r"((?:updates|env_steps): )(\d+)")
VICTIMS = ("worker", "worker", "supervisor", "all", "fork server", "stopped")


@dataclass(frozen=True)
class Told:
    """What became of one scenario: kills by victim, and the files that differ from those of a run left alone."""

    name: str
    kills: Counter[str]
    codes: Counter[int]
    files: int
    differ: tuple[str, ...]
    left: tuple[str, ...]


def digest(run: Path) -> dict[str, bytes]:
    """Every record and every answer of a run, by path; of json files without wall-clock seconds."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        record = "/records/" in name and path.name != "seconds.csv"
        if path.is_file() and (record or path.name in KEPT):
            content = path.read_bytes()
            found[name] = SECONDS.sub(b"", content) if path.suffix == ".json" else content
    return found


# ---- processes ---------------------------------------------------------------------------------------------------


def start(file: Path, out: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "devlearn", "run", file.name, "--out", out.name, "--jobs", "2", "--no-report"]
    with Path(f"{out}.log").open("ab") as log:
        return subprocess.Popen(
            command, env=ENVIRONMENT, cwd=file.parent, stdout=log, stderr=log, start_new_session=True
        )


def processes(session: int) -> dict[int, int]:
    """{process: its parent} of a session, those excepted that are dead already."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            state, parent, _, own = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if entry.name.isdecimal() and int(own) == session and state != "Z":
            found[int(entry.name)] = int(parent)
    return found


def fork_servers(supervisor: int) -> list[int]:
    found = []
    for process, parent in processes(supervisor).items():
        try:
            line = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        found += [process] if parent == supervisor and b"forkserver" in line else []
    return found


def workers(supervisor: int) -> list[int]:
    servers = fork_servers(supervisor)
    return [process for process, parent in processes(supervisor).items() if parent in servers]


def until(true: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)


def strike(supervisor: "subprocess.Popen[bytes]", whom: str, draw: random.Random) -> bool:
    """Kill, or stop for a while; False where there was nobody."""
    some = workers(supervisor.pid)
    chosen = {
        "worker": some[: draw.choice((1, 2))],
        "supervisor": [supervisor.pid],
        "all": [supervisor.pid, *some],
        "fork server": fork_servers(supervisor.pid),
        "stopped": draw.choice((some[:1], [supervisor.pid])),
    }[whom]
    for process in chosen:
        try:
            os.kill(process, signal.SIGSTOP if whom == "stopped" else signal.SIGKILL)
        except ProcessLookupError:
            continue
    if whom == "stopped":
        time.sleep(1)
        for process in chosen:
            if process in processes(supervisor.pid):
                os.kill(process, signal.SIGCONT)
    if whom in ("supervisor", "all"):
        supervisor.wait()
    return bool(chosen)


# ---- one scenario ------------------------------------------------------------------------------------------------


def tried(name: str, kills: int, seed: int, folder: Path) -> Told:
    """Run a scenario of ours twice: left alone, and killed so often; the second is then gone on with to its end."""
    own = folder / name
    own.mkdir()
    return long_enough(own, lambda place, times: _tried(name, kills, seed, place, times))


def _tried(name: str, kills: int, seed: int, folder: Path, times: int) -> Told:
    draw = random.Random(f"{seed} {name}")
    file = folder / f"{name}.yaml"
    stages = BUDGET.sub(lambda found: f"{found[1]}{times * int(found[2])}", SCENARIOS[name])
    file.write_text(HEAD.format(name=name) + stages, encoding="utf-8")
    whole, cut = folder / f"{name}-whole", folder / f"{name}-cut"
    code = start(file, whole).wait()
    if code != 0:
        raise RuntimeError(f"{name}: left alone it ends with {code}: {Path(f'{whole}.log').read_text()[-500:]}")
    struck, codes = Counter[str](), Counter[int]()
    running: subprocess.Popen[bytes] | None = None
    while struck.total() < kills:
        if running is None or running.poll() is not None:
            if running is not None:
                codes[running.returncode] += 1
                if running.returncode == 0:
                    raise Over
            running = start(file, cut)
            until(lambda own=running: own.poll() is not None or workers(own.pid), 60)  # type: ignore[misc]
        time.sleep(draw.uniform(0.1, 1.5))
        whom = draw.choice(VICTIMS)
        if running.poll() is None and strike(running, whom, draw):
            struck[whom] += 1
    if running is not None:
        codes[running.wait()] += 1
    for _ in range(4):
        last = start(file, cut).wait()
        codes[last] += 1
        if last == 0:
            break
    one, other = digest(whole), digest(cut)
    differ = tuple(sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path)))
    left = tuple(path.relative_to(cut).as_posix() for path in cut.rglob(".*.part"))
    return Told(name, struck, codes, len(one), differ, left)


def _main() -> None:
    kills, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[4:] or SCENARIOS:
        told = tried(name, -(-kills // len(SCENARIOS)), seed, folder)
        print(json.dumps(told.__dict__), flush=True)


if __name__ == "__main__":
    _main()
