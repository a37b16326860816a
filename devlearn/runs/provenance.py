"""Which program trains a job: the versions of what computes, and the source of every plug-in that its job.json names.

Seeds that were trained by different programs are no sample of one thing. The manifest keeps each job's program, and a
folder goes on with another one only where that is asked for.
"""

import ast
import hashlib
import importlib.util
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

from devlearn.records.atomic import read_json

MANIFEST = "manifest.json"
COMPUTES = ("devlearn", "torch", "numpy", "gymnasium")  # another version of these is another program
PACKAGES = ("devlearn", "torch", "torchvision", "gymnasium", "numpy")  # what a reader is told
ACCEPT = "--accept-changes"
TRACES = ("checkpoints/*.pt", "artifacts/end.pt")  # what a job has whose training began
NAMED = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_][\w-]*")  # package.module:Name
OURS = ("devlearn", "devlearn_envs")
INSTALLED = ("site-packages", "dist-packages")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """``versions`` {package: version}; ``sources`` {module: {file: sha256}} of the plug-ins, None where unknown."""

    versions: Mapping[str, str]
    sources: Mapping[str, Mapping[str, str]] | None

    @property
    def content(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {"versions": self.versions, "sources": self.sources}

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.digest)

    def unlike(self, other: "Program") -> list[str]:
        """What ``self`` is made of that is otherwise in ``other``, in words; a plug-in that only one has is not."""
        found = [
            f"{name} was {other.versions[name]} and is {now}"
            for name, now in self.versions.items()
            if other.versions.get(name, now) != now
        ]
        for module in (self.sources or {}).keys() & (other.sources or {}).keys():
            now, before = (program.sources[module] for program in (self, other) if program.sources)
            changed = sorted(file for file in now.keys() | before.keys() if now.get(file) != before.get(file))
            found += [f"{file} of {module} was changed" for file in changed]
        return sorted(found)


def programs_of(specs: Mapping[str, Json]) -> dict[str, Program]:
    """What would train each job, here and now. ``specs`` is the content of every job.json, by the job's folder.

    Their ``path`` must be importable.
    """
    sources: dict[str, Mapping[str, str]] = {}
    found = {}
    for name, spec in specs.items():
        modules = sorted({*_modules(spec)})
        sources |= {module: _source(module) for module in modules if module not in sources}
        found[name] = Program(_versions(), {module: sources[module] for module in modules})
    return found


def changes(folder: Path, specs: Mapping[str, Json]) -> list[str]:
    """What has changed since jobs of the run in ``folder`` began that share it with jobs which are still to be trained.

    Args:
        specs: the content of every job.json, by folder relative to the run.
    """
    known = _known(read_json(folder / MANIFEST), specs)
    before = {program: name for name in reversed(specs) if _begun(folder / name) for program in known.get(name, ())}
    now = programs_of({name: spec for name, spec in specs.items() if not _done(folder / name)})
    found = {
        f"{change} since {job} began": None
        for program in dict.fromkeys(now.values())
        for earlier, job in before.items()
        for change in program.unlike(earlier)
    }
    return list(found)


def manifest(folder: Path, digest: str, how: Json, specs: Mapping[str, Json], cores: int) -> dict[str, Any]:
    """The content of manifest.json: command, versions, machine, and the programs of each job, newest last.

    Args:
        how: ``command`` and ``overrides``, of the command that begins now or of the one that is gone on with.
    """
    known = _known(read_json(folder / MANIFEST), specs)
    now = programs_of({name: spec for name, spec in specs.items() if not _done(folder / name)})
    jobs = {
        name: list(dict.fromkeys([*(known.get(name, ()) if _begun(folder / name) else ()), *_one(now.get(name))]))
        for name in specs
    }
    programs = dict.fromkeys(program for each in jobs.values() for program in each)
    return {
        "command": how["command"],
        "digest": digest,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"platform": platform.platform(), "cores": os.cpu_count(), "usable_cores": cores},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "overrides": list(how["overrides"]),
        "programs": {program.digest: program.content for program in programs},
        "jobs": {name: [program.digest for program in each] for name, each in jobs.items()},
    }


def check_unchanged(job: Path, spec: Json) -> None:
    """See that a worker which starts now is the program that the manifest promises for its job.

    Raises:
        ValueError: a plug-in's source has been changed in the meantime.
    """
    run, name = job.parents[2], "/".join(job.parts[-3:])
    promised = _known(read_json(run / MANIFEST), [name]).get(name)
    if promised and (found := programs_of({name: spec})[name].unlike(promised[-1])):
        raise ValueError(
            f"{'; '.join(found)} while the run was going on; change it back, or `devlearn resume {run} {ACCEPT}` "
            "goes on with what there is now"
        )


def importable(*folders: str | Path) -> list[str]:
    """Put folders at the END of the module path, so that a user's ``my_envs:Maze-v0`` imports; returns them.

    What is installed is found before, so a file of theirs that is called like a library runs for nobody.
    """
    found = list(dict.fromkeys(str(Path(folder).resolve()) for folder in folders))
    sys.path.extend(entry for entry in found if entry not in sys.path)
    return found


def _one(program: Program | None) -> list[Program]:
    return [] if program is None else [program]


def _known(found: Json | None, jobs: Iterable[str]) -> dict[str, list[Program]]:
    """The programs of each job that the manifest ``found`` tells of; of an older one's, only the versions are known."""
    if found is None:
        return {}
    if "jobs" not in found:
        versions = {name: found["versions"][name] for name in COMPUTES if name in found["versions"]}
        return {job: [Program(versions, None)] for job in jobs}
    programs = {name: Program(one["versions"], one["sources"]) for name, one in found["programs"].items()}
    return {job: [programs[name] for name in names] for job, names in found["jobs"].items()}


def _begun(job: Path) -> bool:
    return any(next(job.glob(trace), None) for trace in TRACES)


def _done(job: Path) -> bool:
    return (read_json(job / "state.json") or {}).get("status") == "done"


@cache
def _versions() -> Mapping[str, str]:
    return {name: version(name) for name in COMPUTES}


# ---- the source of plug-ins --------------------------------------------------------------------------------------


def _modules(spec: Json) -> Iterator[str]:
    """The modules of the plug-ins that a job uses: its brain, its own stages, its probes, their environments."""
    kinds = {"brains": [spec["brain"]], "probes": list(spec["probes"].values()), "stages": spec["stages"]}
    for group, entries in kinds.items():
        for entry in entries:
            yield from _named(group, entry.get("kind", ""))
            yield from _named("envs", str({**entry, **entry.get("keys", {})}.get("env") or ""))


@cache
def _named(group: str, name: str) -> tuple[str, ...]:
    """The modules that bring the plug-in ``name``; none for our own, which the version speaks for.

    Which of the installed environments an id without a module is of can't be told without importing them all.
    """
    if ":" in name:
        modules = [name.rpartition(":")[0] if group == "envs" else name.partition(":")[0]]
    elif not name or name.startswith("devlearn/"):
        modules = []
    else:
        offered = entry_points(group=f"devlearn.{group}")
        modules = [point.module for point in offered if group == "envs" or point.name == name]
    return tuple(module for module in modules if module.partition(".")[0] not in OURS)


def _source(module: str) -> dict[str, str]:
    """{file: sha256} of a module and of what it imports beside it, files named relative to where imports begin."""
    root = _root(module)
    if root is None:
        return {}
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        for path in _files(root, waiting.pop()):
            name = path.relative_to(root).as_posix()
            if name not in found:
                text = path.read_bytes()
                found[name] = hashlib.sha256(text).hexdigest()
                waiting += _mentions(text, path, root)
    if set(root.parts) & set(INSTALLED):  # beside it stand other people's packages
        own = module.partition(".")[0]
        found = {name: sha for name, sha in found.items() if name.split("/")[0].removesuffix(".py") == own}
    return found


def _root(module: str) -> Path | None:
    """The folder where the import of ``module`` begins; None where it has no file to read."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.origin and spec.origin.endswith(".py") else None


def _files(root: Path, module: str) -> Iterator[Path]:
    """The files below ``root`` that run when ``module`` is imported: its packages' and its own."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:count])
        yield from (path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file())


def _mentions(text: bytes, path: Path, root: Path) -> list[str]:
    """The modules that a source imports, or names in a text as ``package.module:Name``."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return []
    package = path.parent.relative_to(root).parts
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [base, *(".".join(filter(None, (base, alias.name))) for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = NAMED.fullmatch(node.value)
            found += [match[1]] if match else []
    return [name for name in dict.fromkeys(found) if name]
