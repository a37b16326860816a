"""The contract test of a report section: it is put on the page of a toy run, twice, and of one that has no records."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

from devlearn import registry
from devlearn.evidence import evaluate
from devlearn.lazy import torch
from devlearn.records.layout import RunFolder
from devlearn.records.reader import RunRecords, load
from devlearn.records.results import Results
from devlearn.report.page import render
from devlearn.report.section import Section, SectionError, sections
from devlearn.runs import pipeline
from devlearn.runs.executors.worker import work
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.laws import guarded, raised

TOY = """
devlearn: 1
scenario: section-laws
about: Real records of two points, too few for anything to be found.
seeds: 3
brain: {kind: mlp, width: [8]}
stages:
  look:   {kind: pretrain.denoise, data: mnist.train, updates: 4, batch: 8}
  play:
    kind: trial.ppo
    env: devlearn/DigitReach-v0
    env_steps: 256
    num_envs: 2
    rollout: 32
    intrinsic: {kind: count}
    lessons: [{reach: 2}, {reach: 8}]
    teacher: {kind: random}
  told: {kind: caregiver.guess, data: mnist.train, labels: 20, updates: 4, batch: 8}
  shift: {kind: supervise, data: mnist.train, labels: 20, updates: 20, batch: 8, tasks: {kind: permuted, every: 5}}
  school: {kind: supervise, data: mnist.train, labels: 20, updates: 6, batch: 8}
arms:
  random-init: [school]
  developmental: [look, play, told, shift, school]
probes:
  digits: {kind: accuracy, data: mnist.valid, every: 2, quick: 100}
  fields: {kind: fields}
  reach: {kind: return, env: devlearn/DigitReach-v0}
  turns: {kind: recall, env: devlearn/TMaze-v0, lags: [1, 2], episodes: 2}
  stories: {kind: causal, env_kwargs: {k: 1, acts: random}, episodes: 2, trials: 2}
vary: {stages.school.labels: [20, 40]}
compare:
  probe: digits
  smallest_effect: 0.01
  levels: [0.05, 0.1]
  pairs: [[developmental, random-init]]
  matrix: {skills: {told: digits, school: digits}}
"""
WORDS = 20  # letters that a description has at least
ASKING = ("script", "link", "iframe", "object", "embed", "audio", "video", "source", "base", "form")


def check_section(name: str | Section[object], beside: Sequence[str | Section[object]] = ()) -> list[Finding]:
    """Try a section, by name or as it was decorated, against every law.

    ``beside`` are further sections of one's own, of which it may stand right behind one.
    """
    try:
        section, *others = (registry.get("sections", one) if isinstance(one, str) else one for one in (name, *beside))
    except (registry.UnknownName, ImportError, SectionError) as error:
        return [Finding("kind", False, str(error))]
    if not isinstance(section, Section):
        return [Finding("kind", False, f"{name} is a {type(section).__name__}: decorate a function with @section")]
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(section, others, _toy_run(Path(folder)))
        try:
            trial.draw()
        except Exception as error:
            cause = error.__cause__ if isinstance(error, SectionError) else None
            return [Finding("drawn", False, raised(cause if isinstance(cause, Exception) else error))]
        if not trial.body:
            mend = "it has nothing to say of a toy run with curves, pairs, pictures and two points: nothing was checked"
            return [Finding("drawn", False, mend)]
        laws: dict[str, Callable[[], Finding]] = {
            "place": trial.place,
            "drawn": trial.drawn,
            "figures": trial.named,
            "requests": trial.requests,
            "described": trial.described,
            "ids": trial.ids,
            "deterministic": trial.deterministic,
            "records": trial.records,
            "unfinished": trial.unfinished,
        }
        return [guarded(name, law) for name, law in laws.items()]


def _toy_run(folder: Path) -> Path:
    """The toy, trained in this process, whose number of threads stays what it was."""
    scenario, run, threads = folder / "toy.yaml", folder / "run", torch.get_num_threads()
    scenario.write_text(TOY, encoding="utf-8")
    pipeline.write(pipeline.load(scenario), run)
    try:
        for job in load(run).resolved.jobs:
            work(run / job.folder)
    finally:
        torch.set_num_threads(threads)
    return run


class _Trial:
    """One section alone on the page of a run, and what the folder held before."""

    def __init__(self, section: Section[object], beside: Sequence[Section[object]], run: Path) -> None:
        self.section, self.beside, self.run = section, beside, RunFolder(run)
        self.before, records = _files(run), load(run)
        self.trained = records, evaluate(records)
        self.body = ""

    def draw(self) -> None:
        """Make the page, and what the section's own part of it is."""
        self.body = self.page(*self.trained)
        self.figures = _files(self.run.figures)
        self.tags = Tags(self.body).found

    def page(self, run: RunRecords, found: Results) -> str:
        """The section as it stands on the page of ``run``; empty where it says nothing."""
        text = render(run, found, [self.section]).text
        start = text.find(f'<section id="{self.section.name}">')
        return "" if start < 0 else text[start : text.index("</main>")]

    def place(self) -> Finding:
        """It stands on the page with all others."""
        names = [one.name for one in sections([*self.beside, self.section])]
        at = names.index(self.section.name)
        return Finding("place", True, f"right behind {names[at - 1]!r}" if at else "at the beginning")

    def drawn(self) -> Finding:
        return Finding(
            "drawn", True, f"{len(self.body):,} bytes, {sum(name.endswith('.svg') for name in self.figures)} figures"
        )

    def named(self) -> Finding:
        """Figures of one's own are called after their section, so that none has the name of another section's."""
        names = sorted(name.removesuffix(".svg") for name in self.figures if name.endswith(".svg"))
        strange = [name for name in names if not re.match(rf"(point\d+-)?{self.section.name}", name)]
        if strange and not self.section.ours:
            mend = f"begin it with the section's, {self.section.name!r}, after place.prefix"
            why = "a figure of another section may be called so"
            return Finding("figures", False, f"a figure is called {strange[0]!r}, and {why}; {mend}")
        return Finding("figures", True, "their names are no other section's")

    def requests(self) -> Finding:
        """Nothing is asked for, nothing runs, and nothing relies on what the page's policy refuses."""
        held = [(tag, key, value) for tag, found in self.tags for key, value in found.items()]
        asked = [f"<{tag}>" for tag, _ in self.tags if tag in ASKING]
        asked += [f'{key}="{value}"' for tag, key, value in held if _asks(tag, key, value)]
        asked += re.findall(r"url\((?!#)[^)]*\)|@import[^;]*", self.body)
        styled = [key for _, key, _ in held if key == "style" or key.startswith("on")]
        styled += [f"<{tag}>" for tag, _ in self.tags if tag == "style"]
        if asked:
            return Finding("requests", False, f"it asks for {asked[0]}; carry it, as a figure or data: address")
        if styled:
            return Finding("requests", False, f"the page's policy refuses {styled[0]}; use the classes of style.css")
        return Finding("requests", True, "it asks for nothing and runs nothing")

    def described(self) -> Finding:
        """Every picture has a description, with numbers, for those who can't see it."""
        pictures = [found for tag, found in self.tags if tag in ("svg", "img", "canvas")]
        for found in pictures:
            said = found.get("aria-label") or found.get("alt") or ""
            if len(said) < WORDS or not re.search(r"\d", said):
                mend = f"give Drawn an alt that says in words and numbers what it shows, in {WORDS} letters at least"
                return Finding("described", False, f"a figure is described as {said!r}; {mend}")
        return Finding("described", True, f"{len(pictures)} pictures are described in words and numbers")

    def ids(self) -> Finding:
        own = [found["id"] for _, found in self.tags if "id" in found]
        twice = sorted({str(one) for one in own if own.count(one) > 1})
        if twice:
            return Finding("ids", False, f"two elements have the id {twice[0]}; begin ids with the section's name")
        return Finding("ids", True, "no id stands twice")

    def deterministic(self) -> Finding:
        again = self.page(*self.trained)
        if again != self.body:
            return Finding("deterministic", False, "the same records give another page; draw from a seeded generator")
        changed = _unlike(self.figures, _files(self.run.figures))
        if changed:
            return Finding("deterministic", False, f"the same records give another {changed[0]}")
        return Finding("deterministic", True, "the same records give the same bytes")

    def records(self) -> Finding:
        after = {name: held for name, held in _files(self.run.root).items() if not name.startswith("figures/")}
        changed = _unlike(self.before, after)
        if changed:
            return Finding(
                "records", False, f"it changes {changed[0]} of the run; a section reads, and draws into figures/"
            )
        return Finding("records", True, "the run's files are left as they are")

    def unfinished(self) -> Finding:
        """A report may be asked for while a run has not recorded anything."""
        with tempfile.TemporaryDirectory() as folder:
            bare = RunFolder(Path(folder))
            shutil.copy(self.run.resolved, bare.resolved)
            records = load(bare.root)
            self.page(records, evaluate(records))
        return Finding("unfinished", True, "it can be made of a run without records")


class Tags(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _asks(tag: str, key: str, value: str | None) -> bool:
    """Whether an attribute makes a browser ask for something; a link is not followed by itself."""
    if key not in ("src", "srcset", "href", "xlink:href", "poster", "data", "background") or tag == "a":
        return False
    return not (value or "").startswith(("#", "data:"))


def _files(folder: Path) -> dict[str, bytes]:
    """The content of every file of a folder, by its path in it."""
    paths = (Path(where) / name for where, _, names in os.walk(folder) for name in names)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _unlike(before: dict[str, bytes], after: dict[str, bytes]) -> Sequence[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
