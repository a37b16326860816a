"""Everything side by side: one table of ratios, each with what the core could do in that minute.

Every case runs in a process of its own, pinned to one core and one thread; its contenders take turns. Before each turn
stands the rate of a 1024 x 1024 float32 product. How long it takes from a process's start to its work (imports, data,
compiling) is measured once, in another process; with it, what a verdict takes: the start, and all units at the steady
rate.

    make bench
    python benchmarks/bench.py [--repetitions 5] [--case NAME..] [--small] [--out docs/bench.json]

With --case, what --out holds of other cases stays.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import side_by_side

from devlearn.learners.compiled import CACHE

IMPORTS = {"devlearn": "devlearn.plugin, devlearn.tasks.envs", "JAX": "numpy"}  # by a contender's first word
JAX = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
PACKAGES = ("torch", "numpy", "gymnasium", "stable-baselines3", "jax", "gymnax")
LIMIT = 3600.0  # seconds that a case may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--case", nargs="+", help="all by default")
    parser.add_argument("--small", action="store_true", help="only try it: numbers mean nothing")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--start", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(began(asked) if asked.start else measured(asked)), flush=True)
        return
    if unknown := [name for name in asked.case or () if name not in listed()]:
        parser.error(f"argument --case: there is no {', no '.join(unknown)}; there are: {', '.join(listed())}")
    versions = {package: found_version(package) for package in PACKAGES}
    about = {"processor": processor(), "cores": os.cpu_count(), "versions": versions}
    about |= {"repetitions": asked.repetitions, "small": asked.small}
    rows = kept(asked, about)
    failed = []
    for name in asked.case or listed():
        begun = time.perf_counter()
        try:
            rows[name] = apart(asked, name)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        show(rows[name])
    if asked.out:
        cases = [rows[name] for name in listed() if name in rows]
        content = {"date": datetime.now(UTC).date().isoformat(), **about, "cases": cases}
        asked.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def listed() -> list[str]:
    from cases import cases

    return list(cases())


def kept(asked: argparse.Namespace, about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows by case that --out holds already and that are not measured anew."""
    if not (asked.case and asked.out and asked.out.exists()):
        return {}
    old = json.loads(asked.out.read_text(encoding="utf-8"))
    if unlike := sorted(key for key in about if old[key] != about[key]):
        sys.exit(f"{asked.out} differs in {', '.join(unlike)}: measure all cases anew, or name another --out")
    return {row["case"]: row for row in old["cases"]}


# ---- in the parent ----------------------------------------------------------------------------------------------


def apart(asked: argparse.Namespace, name: str) -> dict[str, Any]:
    """A case's row: rates from one process, each contender's start from another."""
    row: dict[str, Any] = call(asked, name)
    for contender, found in row["contenders"].items():
        found["start"] = None if row["lower"] else call(asked, name, "--start", contender)
        if row["total"] is not None:
            found["verdict"] = found["start"] + row["total"] / statistics.median(found["rates"])
    return row


def call(asked: argparse.Namespace, name: str, *more: str) -> Any:
    command = [sys.executable, __file__, "--one", name, "--repetitions", str(asked.repetitions), *more]
    done = subprocess.run(
        [*command, *(["--small"] if asked.small else [])],
        stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT, env={**os.environ, **JAX},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def show(row: dict[str, Any]) -> None:
    """One case as lines: rate, the first one's ratio to each, turn by turn, start, and a verdict's time."""
    print(f"\n{row['case']} ({row['unit']}{'' if row['lower'] else '/s'}; {row['gflops']:.0f} GFLOP/s)")
    for name, found in row["contenders"].items():
        ratio, low, high = found["ratio"]
        number = statistics.median(found["rates"])
        rest = "" if found["start"] is None else f"  start {found['start']:5.1f} s"
        rest += f"  verdict {found['verdict']:8,.0f} s" if "verdict" in found else ""
        print(f"  {name:44}{number:14,.2f}{ratio:8.2f} ({low:.2f} to {high:.2f}){rest}")
    for name, why in row["missing"].items():
        print(f"  {name:44}not measured: {why}")
    sys.stdout.flush()


def processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def found_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


# ---- in a case's own process ------------------------------------------------------------------------------------


def began(asked: argparse.Namespace) -> float:
    """Seconds from a process's start to where a contender's work begins: its own imports, then what it prepares.

    What is compiled is compiled for the first time: no program of an earlier process is found.
    """
    side_by_side.pin()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE] = folder
        return _began(asked)


def _began(asked: argparse.Namespace) -> float:
    imports = next((own for word, own in IMPORTS.items() if asked.start.startswith(word)), "torch")
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {imports}"], check=True)
    imported = time.perf_counter() - begun
    side_by_side.begin_only = True
    from cases import cases

    case = cases()[asked.one](asked.small)
    begun = time.perf_counter()
    try:
        case.runs[asked.start](0)
    except side_by_side.Begun:
        return imported + time.perf_counter() - begun
    raise SystemExit(f"{asked.start} of {asked.one} timed nothing")


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    side_by_side.pin()
    from cases import cases

    case = cases()[asked.one](asked.small)
    contenders: dict[str, dict[str, Any]] = {name: {"rates": [], "scores": [], "gflops": []} for name in case.runs}
    for repetition in range(asked.repetitions):
        for name, run in case.runs.items():
            contenders[name]["gflops"].append(side_by_side.matmul_peak())
            rate, scores = run(repetition)
            contenders[name]["rates"].append(rate)
            contenders[name]["scores"].extend(scores)
    first = next(iter(contenders.values()))["rates"]
    for found in contenders.values():
        turns = [(a / b) if not case.lower else (b / a) for a, b in zip(first, found["rates"], strict=True)]
        found["ratio"] = [statistics.median(turns), min(turns), max(turns)]
    peak = statistics.median(value for found in contenders.values() for value in found["gflops"])
    about = {"case": asked.one, "unit": case.unit, "total": case.total, "lower": case.lower, "gflops": peak}
    return {**about, "contenders": contenders, "missing": dict(case.missing)}


if __name__ == "__main__":
    main()
