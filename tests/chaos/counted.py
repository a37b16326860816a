"""All harnesses of this folder with large counts, one after the other, and what came of them in a file.

``make chaos`` runs it (half an hour); docs/explanation/trust.md shows the file. ``--only`` renews single parts of it.

    python -m tests.chaos.counted [--only kills mutants] [--out docs/chaos.json]
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos import damage, kills, mutants, soak

SEED = 17  # none that the tests use
KILLS, DAMAGES, CURES, MUTANTS, JOBS = 60, 1000, 300, 10_000, 200


def killed(folder: Path) -> dict[str, Any]:
    """What became of each scenario of ``kills``."""
    each = -(-KILLS // len(kills.SCENARIOS))
    found = [kills.tried(name, each, SEED, folder) for name in kills.SCENARIOS]
    return {"scenarios": [{**one.__dict__, "codes": {str(code): n for code, n in one.codes.items()}} for one in found]}


def damaged(folder: Path) -> dict[str, Any]:
    """How every command took damaged run folders, and whether what it advised brought the answer back."""
    base = damage.unfinished(damage.whole(folder))
    counts, broken = damage.tried(base, SEED, DAMAGES)
    cured, not_cured = damage.tried(base, SEED + 1, CURES, cures=True)
    return {"counts": counts, "cures": cured, "broken": [one.__dict__ for one in (*broken, *not_cured)]}


def mutated(folder: Path) -> dict[str, Any]:
    """How ``check`` answered mutants of the shipped scenarios."""
    counts, broken = mutants.tried(SEED, MUTANTS, folder)
    return {"counts": counts, "broken": [one.__dict__ for one in broken]}


def soaked(folder: Path) -> dict[str, Any]:
    """What a supervisor held on to over hundreds of jobs, by quarters of them."""
    quarters, whole = soak.apart(JOBS, folder)
    return {"quarters": quarters, **whole}


PARTS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "kills": killed,
    "damages": damaged,
    "mutants": mutated,
    "soak": soaked,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    known = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out and asked.out.exists() else {}
    for name in asked.only:
        with tempfile.TemporaryDirectory() as place:
            began = time.monotonic()
            found = PARTS[name](Path(place).resolve())
        seconds = round(time.monotonic() - began)
        about = {"date": datetime.now(UTC).date().isoformat(), "took": seconds, "python": platform.python_version()}
        known[name] = {**about, **found}
        print(name, json.dumps(known[name]), flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
