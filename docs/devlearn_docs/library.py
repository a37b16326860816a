"""Pages that are written when the documentation is built: one for each stage, probe, environment, data set, scenario.

They lie in docs/library and are in no repository.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devlearn_docs import drawing, examples, gallery, readme_picture, thing_pictures
from devlearn_docs.docstrings import own_doc, parse
from devlearn_docs.kinds import (
    data_facts,
    file_name,
    linked,
    origin,
    ours,
    probe_keys,
    probe_metrics,
    stage_facts,
    stage_keys,
    stage_metrics,
)
from devlearn_docs.usage import scenarios, users
from devlearn_docs.words import code, plain

FOLDER = "library"
Pages = Iterator[tuple[str, str]]  # group/name without suffix, Markdown


def write(docs: Path) -> None:
    """Write all pages and their pictures; those of what is registered no longer are removed."""
    folder = docs / FOLDER
    wanted: set[Path] = set()
    readme_picture.write_for_pages(folder)
    for name, text in (page for made in (stages, probes, environments, data, gallery.pages) for page in made(folder)):
        path = folder / f"{name}.md"
        drawing.written(path, f"{text}\n".encode())
        wanted.add(path)
    for path in set(folder.rglob("*.md")) - wanted:
        path.unlink()


def names() -> set[str]:
    """The files that ``write`` makes for other pages to link to or to show."""
    from devlearn_envs import NATIVE

    known = {**{group: ours(group) for group in ("stages", "probes", "data")}, "environments": NATIVE}
    pages = {f"{group}/{file_name(name)}.md" for group, things in known.items() for name in things}
    pages |= {f"scenarios/{file_name(name)}.md" for name in scenarios()}
    return pages | {f"{name}.svg" for name in readme_picture.NAMES}


def stages(folder: Path) -> Pages:
    for kind, cls in ours("stages").items():
        doc = parse(own_doc(cls))
        found = thing_pictures.stage(kind)
        picture = _figure(folder, "stages", kind, *found) if found else ""
        parts = [_title("stage", kind), doc.text, picture, stage_facts(cls)]
        parts += ["## In a scenario", examples.shown(examples.of_stage(kind))]
        parts += ["## Cost", examples.cost(kind), "## Keys", stage_keys(cls), SHARED.format("stages", "stage")]
        parts += ["## Metrics", stage_metrics(cls), *_users("stages", kind), *origin(doc)]
        yield f"stages/{file_name(kind)}", _joined(parts)


def probes(folder: Path) -> Pages:
    for kind, cls in ours("probes").items():
        doc = parse(own_doc(cls))
        parts = [_title("probe", kind), doc.text, "## In a scenario", examples.shown(examples.of_probe(kind))]
        parts += ["## Metrics", probe_metrics(cls), "## Cost", PROBE_COST, "## Keys", probe_keys(cls)]
        parts += [SHARED.format("probes", "probe"), f"Version {cls.version}.", *_users("probes", kind), *origin(doc)]
        yield f"probes/{file_name(kind)}", _joined(parts)


def environments(folder: Path) -> Pages:
    from devlearn_envs import NATIVE

    for name, cls in NATIVE.items():
        text = inspect.cleandoc(own_doc(cls)).replace("## Description\n", "", 1)
        picture = thing_pictures.environment(name)
        words = "The beginning of an episode under random actions, every second step."
        shown = "" if picture is None else _figure(folder, "environments", name, picture, words)
        lines = f"stages:\n  play: {{kind: trial.ppo, env: {name}, env_steps: 10240}}\nprobes:\n"
        yaml = f"```yaml\n{lines}  skill: {{kind: return, env: {name}}}\n```"
        parts = [_title("environment", file_name(name)), code(name), shown, text, "## In a scenario", yaml]
        parts += [ENVIRONMENT_COST, *_users("environments", name)]
        yield f"environments/{file_name(name)}", _joined(parts)


def data(folder: Path) -> Pages:
    from devlearn.tasks.data import source_named

    for name, cls in ours("data").items():
        shape, classes, read_out, sizes = data_facts(name)
        picture = thing_pictures.data_set(name)
        words = "The first two images of each class of the test split."
        shown = "" if picture is None else _figure(folder, "data", name, picture, words)
        facts = f"Images {shape}, {classes} classes, read-out {read_out}. Splits: {sizes}."
        fetched = hasattr(source_named(name), "download")
        cost = FETCHED.format(name) if fetched else "It comes with the package: nothing is fetched."
        split = f"{name}.train"
        yaml = f"```yaml\nstages:\n  school: {{kind: supervise, data: {split}, labels: 100, updates: 150}}\nprobes:\n"
        yaml += f"  right: {{kind: accuracy, data: {name}.test, every: 50}}\n```"
        held = "" if "valid" in source_named(name).counts else HELD_OUT
        doc = parse(own_doc(cls))
        parts = [_title("data", name), plain(doc.text), shown, facts, held, cost, "## In a scenario", yaml]
        yield f"data/{file_name(name)}", _joined([*parts, *_users("data", name), *origin(doc)])


SHARED = "It also has [the keys that all {0} have](/reference/{0}.md#keys-that-every-{1}-has)."
PROBE_COST = (
    "A probe is read-only: it changes no learner, and the {term}`ledger` charges none for it. It takes time, once each "
    "`every` updates and at each stage's end. Where `every` is left out, it measures at initialisation and at stages' "
    "ends alone."
)
ENVIRONMENT_COST = (
    "It is batch-native: one numpy program steps all copies of all learners. Any stage that takes an `env` takes it, "
    "with `env_kwargs` for the arguments above."
)
HELD_OUT = (
    "`valid` is a tenth of each class of the training images, by a draw that is always the same, `train` the rest."
)
FETCHED = (
    "It is fetched once, with torchvision: `devlearn list data --download {0}`. Its licence is that of its authors."
)


def _title(family: str, name: str) -> str:
    return f"({family}-{name})=\n# {name}"


def _figure(folder: Path, group: str, name: str, picture: Any, words: str) -> str:
    """A picture below its page's folder, with its caption; its words stand for it where it can't be seen."""
    path = drawing.png(picture, folder / group / file_name(name))
    return f":::{{figure}} {path.name}\n:alt: {words}\n:class: pixels\n\n{words}\n:::"


def _users(group: str, name: str) -> list[str]:
    """Which of the shipped scenarios use it."""
    found = users().get((group, name), [])
    links = ", ".join(linked("scenarios", one) for one in found)
    said = f"{links}." if found else "None of those shipped."
    return ["## Scenarios that use it", said]


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)
