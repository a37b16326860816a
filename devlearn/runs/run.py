"""The Python face: run a scenario, open a run folder.

run = devlearn.run("first_steps", seeds=8)
run.records                          # a pandas frame where pandas is installed, else a list of dicts
run.compare()                        # the verdicts, typed
run.learner("developmental", seed=3) # an ordinary nn.Module
"""

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.records.layout import RunFolder
from devlearn.records.ownership import check_own, is_run, no_run
from devlearn.runs import pipeline
from devlearn.runs.executors.supervisor import Outcome
from devlearn.runs.folder import FolderMismatch, read_resolved
from devlearn.runs.forewarnings import Forewarning
from devlearn.runs.pipeline import Face, Options, complaints

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from devlearn.evidence.answer import Answer
    from devlearn.records.reader import RunRecords
    from devlearn.records.results import Comparisons
    from devlearn.report.looks import Look


class RunFailed(RuntimeError):
    """Some jobs of a run failed. ``folder`` has what was trained, ``outcome`` what failed and why."""

    def __init__(self, folder: Path, outcome: Outcome) -> None:
        self.folder, self.outcome = folder, outcome
        super().__init__("\n".join(complaints(outcome)))

    @property
    def run(self) -> "Run":
        """What was trained. Raises FolderMismatch where the trials of ``tune`` failed, and nothing else began."""
        return Run(self.folder)


def run(
    scenario: str | Path,
    seeds: int | Sequence[int] | None = None,
    out: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    progress: bool = True,
    device: str = "cpu",
    executor: str = "local",
    report: bool = True,
    accept_changes: bool = False,
    prereg: str | Path | None = None,
    env_workers: int | None = None,
    compiled: bool = False,
) -> "Run":
    """Run a scenario, compare its arms, and write the report: what ``devlearn run`` does.

    Warnings of the plan are printed once on stderr, before anything is trained.

    Args:
        scenario: the path of a scenario file, or the name of one of ours.
        seeds: how many learners an arm has, or which; the scenario's own by default.
        out: the run's folder, ``runs/<scenario>`` by default. The same scenario in the same folder goes on.
        set: values laid over the scenario, by dotted path: ``{"stages.look.updates": 100}``.
        jobs: workers at once, by default as many as the executor thinks fit: one per core.
        progress: show bars or lines on stderr.
        device: ``cpu`` or ``cuda``.
        executor: what starts the workers: ``local``, or a plug-in's name.
        report: write report.html too.
        accept_changes: go on with a folder although a plug-in or a version has changed since its jobs began.
        prereg: a registration that ``register`` wrote: the run has to ask what it says.
        env_workers: processes that step the environments of each job; by default more than one only where the jobs
            leave cores free and a step is slow. Results do not depend on it.
        compiled: compile the updates of small networks, which needs a C++ compiler and pays in long runs.

    Raises:
        ScenarioError: with every mistake of the scenario.
        NotRegistered: the question is not the registered one, or the folder was begun before it was registered.
        FolderMismatch: the folder holds another run, what trains its jobs has changed, or this machine has no such
            device or no compiler.
        NotOurs: the folder holds something else.
        FolderLocked: another process trains it.
        NoPlugin: no such executor, or it can't be imported.
        BadExecutor: what has its name is none, or can't be made.
        RunFailed: some jobs failed; the rest is kept.
        ExecutorFailed: the executor itself raised; what is done is kept.
    """
    overrides = _overrides(set, seeds)
    options, face = Options(executor, jobs, accept_changes, report, env_workers), Face(warn=_warn)
    if progress:
        _tell(f"{scenario}: reading the scenario, starting workers")
        face = Face(say=_tell, warn=_warn, progress=True)
    command = "devlearn.run(...)"
    started = pipeline.start(scenario, out, overrides, device, command, options, face, prereg, compiled)
    done = pipeline.finish(started, face)
    if done.outcome.failed:
        raise RunFailed(done.folder, done.outcome)
    return Run(done.folder)


def register(
    scenario: str | Path,
    seeds: int | Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
    by: str = "",
    out: str | Path | None = None,
) -> Path:
    """Register what a scenario asks, before anything of it is run: what ``devlearn register`` does.

    Args:
        scenario, seeds, set: as ``run`` takes them.
        by: who registers it.
        out: the file, ``SCENARIO.registration.json`` in the current folder by default.

    Returns:
        The file, for ``run(..., prereg=)``.

    Raises:
        ScenarioError: with every mistake of the scenario.
        NotRegistered: the file is there already, or learners that the question is about have been trained.
    """
    return pipeline.register(scenario, _overrides(set, seeds), by, out)


def _overrides(set: Mapping[str, Any] | None, seeds: int | Sequence[int] | None) -> list[str]:
    """As the command line writes them."""
    found = [f"{path}={json.dumps(value)}" for path, value in (set or {}).items()]
    return found + ([] if seeds is None else [f"seeds={json.dumps(seeds if isinstance(seeds, int) else list(seeds))}"])


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _warn(warnings: Sequence[Forewarning]) -> None:
    for warning in warnings:
        _tell(str(warning))


class Run:
    """A run folder, opened.

    Raises:
        FolderMismatch: ``folder`` holds no run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        found = read_resolved(self.folder) if is_run(self.folder) else None
        if found is None:
            yet = f"{folder} holds no run yet: its trials are not finished; devlearn resume {folder} goes on"
            begun = is_run(self.folder) and RunFolder(self.folder).steps.exists()
            raise FolderMismatch(yet if begun else no_run(self.folder))
        check_own(self.folder)
        self.resolved: dict[str, Any] = found

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdicts, as the terminal has them, and where the report is."""
        import html

        from devlearn.evidence import analyse, compare
        from devlearn.records.reader import load
        from devlearn.report.terminal import as_html

        run, page = load(self.folder), RunFolder(self.folder).report
        shown = as_html(compare([run]), analyse(run), str(self.folder)) if run.resolved.probes else ""
        where = f"report: {page}" if page.exists() else f"records: {self.folder}"
        return f"{shown}<p><code>{html.escape(where)}</code></p>"

    @property
    def records(self) -> Any:
        """A row for each arm, seed, moment and metric that was measured, with the ledger at that moment.

        A pandas frame where pandas is installed, else a list of dicts.
        """
        return self.table("probes")

    def table(self, name: str) -> Any:
        """``rows`` as a pandas frame where pandas is installed, else as they are."""
        rows = self.rows(name)
        if importlib.util.find_spec("pandas") is None:
            return rows
        return importlib.import_module("pandas").DataFrame(rows)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A table as a list of dicts: probes, train, ledger, arms or comparisons, with the columns of ``export``.

        Raises:
            LookupError: no such table.
        """
        from devlearn.report.export import tables

        found = tables(*self._compared())
        if name not in found:
            raise LookupError(f"no table {name!r}; there are: {', '.join(found)}")
        return [{column: row.get(column) for column in found[name].columns} for row in found[name].rows]

    def export(self, to: str = "csv", out: str | Path | None = None) -> list[Path]:
        """Write the run's tables as csv or parquet, or its curves for TensorBoard; the paths are returned.

        Args:
            out: a folder, RUN/export by default.

        Raises:
            MissingExtra: the format needs a package that is not installed.
            NotOurs: a file of somebody else's would be overwritten.
        """
        from devlearn.report.export import export

        return export(*self._compared(), to, None if out is None else Path(out))

    def _compared(self) -> "tuple[RunRecords, Comparisons | None]":
        """The run's records and the answer to its scenario's question; None where it has no probes."""
        from devlearn.evidence import compare
        from devlearn.records.reader import load

        run = load(self.folder)
        return run, compare([run]) if run.resolved.probes else None

    def compare(
        self, probe: str | None = None, at: str | int | None = None, seeds: Sequence[int] | None = None
    ) -> "Answer":
        """The comparison that the scenario declares, or another (exploratory), or one of some seeds (exploratory too).

        Raises:
            EvidenceError: no such probe, moment or seed on record.
        """
        from devlearn.evidence import compare
        from devlearn.evidence.answer import Answer
        from devlearn.records.reader import load
        from devlearn.records.results import note_seen

        run = load(self.folder)
        found = compare([run], probe, at, seeds)
        note_seen(run)
        return Answer(points=found.points)

    def analyses(self) -> dict[str, Any]:
        """What the curves say beyond the declared comparison: the content of analyses.json."""
        from devlearn.evidence import analyse, document
        from devlearn.records.reader import load

        found: dict[str, Any] = document(analyse(load(self.folder)))
        return found

    def figure(self, name: str) -> "Figure":
        """A figure of the report as matplotlib's, to be changed and saved as its reader likes; nothing is written.

        Raises:
            LookupError: the report has no such figure.
        """
        from devlearn.evidence import evaluate
        from devlearn.records.reader import load
        from devlearn.report.page import drawn_figures

        run = load(self.folder)
        found = drawn_figures(run, evaluate(run))
        if name not in found:
            raise LookupError(f"the report has no figure {name!r}; there are: {', '.join(found)}")
        return found[name]

    def report(self, sections: Sequence[str] = (), look: "Look" = "paper", out: str | Path | None = None) -> Path:
        """Write report.html and return its path.

        Args:
            sections: further sections of the page, as ``package.module:Name``.
            look: how the files of figures look: paper, talk (twice as large) or dark.
            out: the folder of page and figures, the run's own by default.

        Raises:
            NoPlugin: no such section, or it can't be imported.
            SectionError: a section can't stand on the page.
            NotOurs: ``out`` holds a page or figures of somebody else's, or can't be written into.
        """
        from devlearn.evidence import evaluate
        from devlearn.records.reader import load
        from devlearn.records.results import note_seen
        from devlearn.report import write

        run = load(self.folder)
        found = evaluate(run)
        note_seen(run)
        return write(run, found, sections, None if out is None else Path(out), look)

    def learner(self, arm: str, seed: int, point: int = 0) -> "nn.Module":
        """The network of one learner at the end of its life.

        Args:
            point: which point of ``vary``, in the order of the scenario.

        Raises:
            LookupError: no such arm, seed or point.
            FileNotFoundError: its job is not finished.
        """
        from devlearn.runs import engine

        return engine.learner(self._last(arm, seed, point), seed)

    def hand_over(
        self,
        arm: str,
        seed: int | None = None,
        to: str = "safetensors",
        out: str | Path | None = None,
        point: int = 0,
        probe: str | None = None,
    ) -> Path:
        """Write one learner, as it was in the end, for other programs; the file's path.

        Args:
            seed: the run's first by default.
            to: safetensors, its weights and buffers by qualified name; onnx, the program of a plain brain; mp4 or gif,
                a film of the first episode that a probe of the kind return plays with it.
            out: a folder, RUN/export by default.
            point: which point of ``vary``, in the order of the scenario.
            probe: of a film, whose episode; the first of the kind return by default.

        Raises:
            LookupError: no such arm, seed or point, or no such probe.
            MissingExtra: the format needs a package that is not installed.
            NotOurs: a file of somebody else's would be overwritten.
            ValueError: the network can't be written in this format, or the environment can't be drawn.
        """
        from devlearn.records.layout import RunFolder
        from devlearn.records.ownership import check_free, note_written
        from devlearn.runs import film
        from devlearn.runs.hand_over import hand_over, told

        who = int(self.resolved["seeds"][0]) if seed is None else seed
        job, folder = self._last(arm, who, point), RunFolder(self.folder).export if out is None else Path(out)
        name = f"{arm}-seed{who}{f'-point{point}' if point else ''}.{to}"
        if not folder.resolve().is_relative_to(self.folder.resolve()):
            check_free(folder, [name])
        about = told(self.resolved["brain"], scenario=self.resolved["scenario"], arm=arm, seed=who)
        if to in film.KINDS:
            path = film.film(job, who, probe, to, folder / name, about)
        else:
            path = hand_over(self.learner(arm, who, point), to, folder / name, about)
        note_written(folder, [name])
        return path

    def genomes(
        self,
        arm: str,
        seeds: Sequence[int] = (),
        after: str | None = None,
        out: str | Path | None = None,
        point: int = 0,
    ) -> list[Path]:
        """Write a genome file for each seed's learner, for ``innate.inherit``; the paths are returned.

        Args:
            seeds: all of the run by default.
            after: the stage whose end counts, the arm's last one by default.
            out: a folder, RUN/genomes by default.
            point: which point of ``vary``, in the order of the scenario.

        Raises:
            LookupError: no such arm, seed or stage, or what was there after it has not been kept.
            FileNotFoundError: a job is not finished.
            NotOurs: a file of that name is there which is no genome of this run's.
        """
        from devlearn.runs.genomes import written

        last = self._lived(arm, after, point)
        folder = RunFolder(self.folder).genomes if out is None else Path(out)
        found = []
        for seed in seeds or self.resolved["seeds"]:
            job = self._job(last[-1]["branch"], seed)
            found.append(written(self.resolved, point, arm, last, job, seed, folder))
        return found

    def _arm(self, arm: str, point: int) -> Mapping[str, Any]:
        points = self.resolved["points"]
        if not 0 <= point < len(points):
            raise LookupError(f"no point {point}; the scenario has {len(points)}, counted from 0")
        arms: Mapping[str, Any] = points[point]["arms"]
        if arm not in arms:
            raise LookupError(f"no arm {arm!r}; there are: {', '.join(arms)}")
        found: Mapping[str, Any] = arms[arm]
        return found

    def _lived(self, arm: str, after: str | None, point: int) -> list[dict[str, Any]]:
        """The stages of an arm up to ``after``, at whose end a branch ends."""
        stages: list[dict[str, Any]] = self._arm(arm, point)["stages"]
        names = [stage["name"] for stage in stages]
        if after is not None and after not in names:
            raise LookupError(f"arm {arm!r} has no stage {after!r}; it has: {', '.join(names)}")
        count = len(names) if after is None else len(names) - names[::-1].index(after)
        if count < len(names) and stages[count]["branch"] == stages[count - 1]["branch"]:
            why = f"what was there after {after!r} is not kept: it goes on into {names[count]!r}"
            raise LookupError(f"{why}; add an arm that ends there, `born: [{', '.join(names[:count])}]`, and run again")
        return stages[:count]

    def _last(self, arm: str, seed: int, point: int) -> Path:
        """The folder of the job that an arm's life ends in."""
        return self._job(self._arm(arm, point)["path"][-1], seed)

    def _job(self, branch: str, seed: int) -> Path:
        for job in self.resolved["jobs"]:
            if job["branch"] == branch and seed in job["seeds"]:
                return self.folder / str(job["folder"])
        raise LookupError(f"no seed {seed}; there are: {', '.join(map(str, self.resolved['seeds']))}")
