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
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

from devlearn.learners.compiled import compiler
from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.programs import unlike
from devlearn.records.registered import all_near
from devlearn.records.schema import Akin, How, JobState, Manifest, Program, Registered, Sibling
from devlearn.records.siblings import together
from devlearn.records.text import file_name
from devlearn.registry import installed
from devlearn.runs.surroundings import commit, processor
from devlearn.scenario.splits import MINARI, is_path, split_name
from devlearn.tasks.demonstrations.files import digest as file_digest

COMPUTES = ("devlearn", "torch", "numpy", "gymnasium")  # another version of these is another program
PACKAGES = ("devlearn", "torch", "gymnasium", "numpy")  # what a reader is told
ACCEPT = "--accept-changes"
DATA_KEYS = ("data", "fit", "sense")  # of stages and probes, which name a split or a data set
NAMED = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_][\w-]*")  # package.module:Name
OURS = ("devlearn", "devlearn_envs", "gymnasium")  # whose versions speak for them
INSTALLED = ("site-packages", "dist-packages")

Json = Mapping[str, Any]


def digest(program: Program) -> str:
    """A program's name in the manifest."""
    return hashlib.sha256(json.dumps(program.content(), sort_keys=True).encode()).hexdigest()[:16]


def programs_of(specs: Mapping[str, Json]) -> dict[str, Program]:
    """What would train each job, here and now. ``specs`` is the content of every job.json, by the job's folder.

    Their ``path`` must be importable.
    """
    sources: dict[str, dict[str, str]] = {}
    found = {}
    for name, spec in specs.items():
        modules = sorted({*_modules(spec)})
        sources |= {module: _source(module) for module in modules if module not in sources}
        found[name] = Program(
            versions=_versions(),
            sources={module: sources[module] for module in modules},
            device="" if spec.get("device", "cpu") == "cpu" else spec["device"],
            compiler=(compiler() or "nothing that is found") if spec.get("compiled") else "",
        )
    return found


def plug_ins(specs: Iterable[Json]) -> list[str]:
    """The modules of others that jobs import, by what their job.json names; files of data are none."""
    found = {module for spec in specs for module in _modules(spec)}
    return sorted(module for module in found if not is_path(module) and not module.startswith(MINARI))


def changes(run: RunFolder, specs: Mapping[str, Json]) -> list[str]:
    """What has changed since jobs of a run began that share it with jobs which are still to be trained.

    Args:
        specs: the content of every job.json, by folder relative to the run.
    """
    known = _known(run, specs)
    begun = {name: known.get(name, {}) for name in specs if _begun(run.job(name))}
    before = {each: (program, name) for name in reversed(begun) for each, program in begun[name].items()}
    now = {digest(program): program for program in programs_of(_open(run, specs)).values()}
    found = {
        f"{change} since {job} began": None
        for program in now.values()
        for earlier, job in before.values()
        for change in unlike(program, earlier)
    }
    return list(found)


def outdated(run: RunFolder, specs: Mapping[str, Json]) -> list[str]:
    """What has changed since jobs of a run were trained that are done, which are only read. ``specs`` as above."""
    known, still = _known(run, specs), _open(run, specs)
    done = {name: spec for name, spec in specs.items() if name not in still and known.get(name)}
    found: dict[str, str] = {}  # by the change, the first job that it is told of
    for name, program in programs_of(done).items():
        for change in unlike(program, list(known[name].values())[-1]):
            found.setdefault(change, name)
    return [f"{change} since {name} was trained" for change, name in found.items()]


def manifest(
    run: RunFolder,
    question: str,
    how: How,
    specs: Mapping[str, Json],
    cores: int,
    siblings: Iterable[Sibling] = (),
    registrations: Iterable[Akin] = (),
    registration: Registered | None = None,
    planned: str = "",
) -> Manifest:
    """Command, versions, machine, the programs of each job, newest last, and what makes the run one of several.

    Args:
        question: the digest in resolved.json.
        how: of the command that begins now, or of the one that is gone on with.
        siblings: the runs beside it now; what earlier commands saw and laid over the question is kept.
        registrations: those near it now, and nearly its own.
        planned: sha256 of what resolved.json holds when a command writes it.
    """
    known, now = _known(run, specs), programs_of(_open(run, specs))
    before, started = Manifest.read(run.manifest), datetime.now(UTC).isoformat(timespec="seconds")
    jobs: dict[str, dict[str, Program]] = {}
    for name in specs:
        trained = known.get(name, {}) if _begun(run.job(name)) else {}
        next_ = {digest(now[name]): now[name]} if name in now else {}
        jobs[name] = {each: program for each, program in trained.items() if each not in next_} | next_
    return Manifest(
        command=how.command,
        digest=question,
        versions={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        machine={
            "platform": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "usable_cores": cores,
        },
        commit=commit(Path.cwd()),
        started=started,
        begun=(before.begun or before.started) if before else started,
        overrides=how.overrides,
        programs={each: program for programs in jobs.values() for each, program in programs.items()},
        jobs={name: tuple(programs) for name, programs in jobs.items()},
        laid=tuple(one for one in before.laid if one not in how.laid) + how.laid if before else how.laid,
        siblings=together(before.siblings if before else (), siblings),
        registrations=all_near(before.registrations if before else (), registrations),
        registration=registration,
        planned=planned,
    )


def check_unchanged(job: JobFolder, spec: Json) -> None:
    """See that a worker which starts now is the program that the manifest promises for its job.

    Raises:
        ValueError: a plug-in's source has been changed in the meantime.
    """
    name = job.root.relative_to(job.run.root).as_posix()
    promised = list(_known(job.run, [name]).get(name, {}).values())
    if promised and (found := unlike(programs_of({name: spec})[name], promised[-1])):
        raise ValueError(
            f"{'; '.join(found)} while the run was going on; change it back, or "
            f"`devlearn resume {job.run.root} {ACCEPT}` goes on with what there is now"
        )


def importable(*folders: str | Path) -> list[str]:
    """Put folders at the END of the module path, so that a user's ``my_envs:Maze-v0`` imports; returns them.

    What is installed is found before, so a file of theirs that is called like a library runs for nobody.
    """
    found = list(dict.fromkeys(str(Path(file_name(str(folder))).resolve()) for folder in folders))
    sys.path.extend(entry for entry in found if entry not in sys.path)
    return found


def _known(run: RunFolder, jobs: Iterable[str]) -> dict[str, dict[str, Program]]:
    """By job, the programs that the run's manifest tells of; of an older manifest, only the versions are known."""
    found = Manifest.read(run.manifest)
    if found is None:
        return {}
    if not found.jobs:
        versions = {name: found.versions[name] for name in COMPUTES if name in found.versions}
        old = Program(versions=versions, sources=None)
        return {job: {digest(old): old} for job in jobs}
    return {job: {each: found.programs[each] for each in trained} for job, trained in found.jobs.items()}


def _open(run: RunFolder, specs: Mapping[str, Json]) -> dict[str, Json]:
    """The jobs that are still to be trained."""
    states = {name: JobState.read(run.job(name).state) for name in specs}
    return {name: specs[name] for name, state in states.items() if state is None or state.status != "done"}


def begun(run: RunFolder, specs: Iterable[str]) -> tuple[str, ...]:
    """The jobs of a run in which learners have been trained."""
    return tuple(name for name in specs if _begun(run.job(name)))


def _begun(job: JobFolder) -> bool:
    """Whether learners have been trained there."""
    state = JobState.read(job.state)
    done = state is not None and state.status == "done"  # its end state may have been thinned away
    return done or job.end.exists() or any(job.checkpoints.glob("*.pt"))


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in COMPUTES}


def culprit(error: BaseException, spec: Json | None) -> str:
    """``FILE:LINE`` of the innermost line in a plug-in's own files that an error came through; empty without one.

    Args:
        spec: the content of the job.json whose worker raised: an installed package counts where it names it.
            None where there was none to read.
    """
    chain, tops = [error], {module.partition(".")[0] for module in (_modules(spec) if spec else ())}
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    lines = [line for one in chain for line in walk_tb(one.__traceback__) if _of_plug_in(line[0], tops)]
    return f"{lines[-1][0].f_code.co_filename}:{lines[-1][1]}" if lines else ""


def _of_plug_in(frame: FrameType, tops: Container[str]) -> bool:
    """Whether a frame is neither ours nor Python's, nor of an installed package other than ``tops``."""
    top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if top in tops:
        return True
    path = Path(frame.f_code.co_filename)
    return (
        top not in OURS and top not in sys.stdlib_module_names and path.is_file() and not {*path.parts} & {*INSTALLED}
    )


# ---- the source of plug-ins --------------------------------------------------------------------------------------


def _modules(spec: Json) -> Iterator[str]:
    """The modules of what a job uses: brain, stages, probes, their environments, what wraps them, and data sets.

    Of data in files and of demonstrations it is their path.
    """
    kinds = {"brains": [spec["brain"]], "probes": list(spec["probes"].values()), "stages": spec["stages"]}
    for group, entries in kinds.items():
        for entry in entries:
            yield from _named(group, entry.get("kind", ""))
            keys = {**entry, **entry.get("keys", {})}
            yield from _named("envs", str(keys.get("env") or ""))
            for wrapper in keys.get("wrappers") or ():
                yield from _named("wrappers", wrapper if isinstance(wrapper, str) else str(wrapper["id"]))
            for key in DATA_KEYS:
                said = str(keys.get(key) or "")
                name = split_name(said)[0] or said
                yield from [name] if is_path(name) else _named("data", name)
            if shown := keys.get("demonstrations"):
                yield str(shown)
            yield from _named("controllers", str(keys.get("controller") or ""))


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
        modules = [point.module for point in installed(group) if group == "envs" or point.name == name]
    return tuple(module for module in modules if module.partition(".")[0] not in OURS)


def _source(module: str) -> dict[str, str]:
    """{file: sha256} of a module and of what it imports beside it, files named relative to where imports begin.

    Of data in files: their own.
    """
    if is_path(module) or module.startswith(MINARI):
        return file_digest(module)
    root = _root(module)
    if root is None:
        return {}
    own = module.partition(".")[0]
    alone = bool(set(root.parts) & set(INSTALLED))  # beside an installed package stand other people's
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        for path in _files(root, name) if not alone or name.partition(".")[0] == own else ():
            file = path.relative_to(root).as_posix()
            if file not in found:
                text = path.read_bytes()
                found[file] = hashlib.sha256(text).hexdigest()
                waiting += _mentions(text, path, root)
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
