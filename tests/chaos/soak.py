"""Hundreds of tiny jobs under one supervisor, and what it holds on to: memory, files, threads, processes.

``python -m tests.chaos.soak 200 FOLDER`` lives so many jobs with eight workers and prints what it measured.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import devlearn
from tests.chaos.kills import fork_servers, processes

SEEDS = 64
WORKERS = 8
SCENARIO = """
devlearn: 1
scenario: soak
seeds: {seeds}
block: {block}
brain: {{kind: mlp, width: [8]}}
stages:
  look: {{kind: pretrain.denoise, updates: 2, batch: 4}}
  play: {{kind: trial.ppo, env: CartPole-v1, env_steps: 32, num_envs: 2, rollout: 8, minibatches: 2}}
  school: {{kind: supervise, labels: 10, updates: 2, batch: 4}}
arms:
  plain: [school]
  looked: [look, school]
  played: [play, school]
  both: [look, play, school]
  longer: [{{use: look, set: {{updates: 3}}}}, school]
  longest: [{{use: look, set: {{updates: 4}}}}, school]
probes: {{digits: {{kind: accuracy, data: mnist.test}}}}
compare: {{probe: digits, smallest_effect: 0.01, pairs: [[looked, plain], [played, plain], [both, plain]]}}
"""
BRANCHES = 7  # of the tree that these arms are: look is lived once for both that begin with it


@dataclass(frozen=True)
class Held:
    """What a supervisor holds at a moment: MB resident, open files, threads, workers."""

    jobs: int
    megabytes: float
    files: int
    threads: int
    workers: int


@dataclass(frozen=True)
class Soaked:
    """A soak: what was ``held`` from time to time, the most MB of a worker, and what was left when it was over."""

    jobs: int
    seconds: float
    held: tuple[Held, ...]
    worker_megabytes: tuple[float, ...]  # the largest of each quarter of the jobs
    workers_left: tuple[int, ...]
    memory_left: tuple[str, ...]

    def quarter(self, which: int) -> Held:
        """The most that was held while a quarter (0 to 3) of the jobs was trained; comparing them comes after."""
        found = [one for one in self.held if one.jobs * 4 // self.jobs == which]
        return Held(*(max((getattr(one, name) for one in found), default=0) for name in Held.__dataclass_fields__))


def _status(process: int | str, key: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return float(line.split()[1])
    return 0.0


def _workers() -> list[int]:
    """The processes that this one's fork server has started and that live."""
    servers = fork_servers(os.getpid())
    return [process for process, parent in processes(os.getsid(0)).items() if parent in servers]


class _Watch:
    """Looks at this process and its workers four times a second, from a thread of its own."""

    def __init__(self, run: Path) -> None:
        self.run, self.over = run, threading.Event()
        self.held: list[Held] = []
        self.workers: list[tuple[int, float]] = []  # jobs that are done, MB of a worker
        self.seen: set[int] = set()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self.over.wait(0.25):
            done = len(list(self.run.glob("jobs/*/*/artifacts/end.pt")))
            workers = _workers()
            for process in workers:
                self._add_worker(done, process)
            self.seen |= {*workers}
            files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
            self.held.append(Held(done, _status("self", "VmRSS") / 1024, files, threads, len(workers)))

    def _add_worker(self, done: int, process: int) -> None:
        try:
            self.workers.append((done, _status(process, "VmHWM") / 1024))
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            return


def soaked(jobs: int, folder: Path) -> Soaked:
    """Live about so many jobs, of ``SEEDS`` learners an arm in all, under this process, and measure."""
    block = max(1, SEEDS * BRANCHES // jobs)
    file = folder / "soak.yaml"
    file.write_text(SCENARIO.format(seeds=SEEDS, block=block), encoding="utf-8")
    watch, began = _Watch(folder / "run"), time.monotonic()
    watch.thread.start()
    try:
        devlearn.run(file, out=folder / "run", jobs=WORKERS, progress=False, report=False)
    finally:
        watch.over.set()
        watch.thread.join()
    quarters = [[mb for done, mb in watch.workers if done * 4 // (watch.held[-1].jobs + 1) == k] for k in range(4)]
    return Soaked(
        watch.held[-1].jobs,
        time.monotonic() - began,
        tuple(watch.held),
        tuple(max(found, default=0.0) for found in quarters),
        tuple(_workers()),
        tuple(_shared(process) for process in {*watch.seen} if _shared(process)),
    )


def _shared(process: int) -> str:
    """Memory that a worker shared under a name and left."""
    return " ".join(str(path) for path in Path("/dev/shm").glob(f"*_{process}_*"))


def apart(jobs: int, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """``soaked`` in a session of its own: what was held in each quarter, and the whole."""
    temporary = folder / "temporary"
    temporary.mkdir(parents=True)
    own = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "tests.chaos.soak", str(jobs), str(folder)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=own, check=True)
    *quarters, whole = (json.loads(line) for line in told.stdout.splitlines() if line.startswith("{"))
    return quarters, {**whole, "files_left": [path.name for path in temporary.iterdir()]}


def _main() -> None:
    jobs = int(sys.argv[1])
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = soaked(jobs, folder)
    for quarter in range(4):
        print(json.dumps(asdict(found.quarter(quarter))))
    print(json.dumps({key: value for key, value in asdict(found).items() if key != "held"}))


if __name__ == "__main__":
    _main()
