"""The code of the pages is what a reader would copy: it is written to files and its commands are run.

In a page, a paragraph that ends in `` `name`: `` names the file that the next block is. Every line of a bash block is a
command; one that is meant to fail says ``exit code 2`` in its comment. Every line of a text block is in the output of
the commands before it. A block marked ``none`` shows a run at full budgets and is not compared.
"""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from devlearn.cli import main
from tests.commands import call

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./-]+)`:\s*\Z")
EXIT = re.compile(r"#.*exit code (\d)")
EXTRA = re.compile(r"needs the package \S+: pip install \S+")  # `make test-all` installs them all
INSTALLED = ("source .venv/bin/activate", "make test")  # what a test has behind it, or is part of
PAGES = sorted(path.stem for path in (ROOT / "docs" / "how-to").glob("*.md") if path.stem != "index")

SCHOOL = {"stages.school.updates": 4, "stages.school.batch": 16, "probes.digits.every": 2, "brain.width": [16, 8]}
LOOK = {**SCHOOL, "stages.look.updates": 2, "stages.look.batch": 8}
TOY: dict[str, dict[str, object]] = {
    "first_steps": {
        **LOOK,
        "stages.waves.updates": 2,
        "stages.waves.batch": 8,
        "stages.play.env_steps": 1024,
        "probes.held.every": 2,
    },
    "lamps.yaml": {
        **{f"stages.{stage}.env_steps": 64 for stage in ("act", "told", "blind")},
        **{f"stages.{stage}.num_envs": 4 for stage in ("act", "told", "blind")},
        **{f"stages.{stage}.rollout": 8 for stage in ("act", "told", "blind")},
        "probes.acting.episodes": 4,
        "probes.stories.episodes": 4,
    },
    "maze.yaml": {"stages.play.env_steps": 2048, "probes.skill.episodes": 2},
    "small.yaml": LOOK,
    "kept.yaml": LOOK,
    "protected.yaml": {"stream.stage.updates": 3, "brain.width": [8]},
    "more.yaml": LOOK,
    "vast.yaml": {},
    "few.yaml": SCHOOL,
    "gentle.yaml": LOOK,
    "tuned.yaml": LOOK,
    "searched.yaml": {
        **{key: value for key, value in LOOK.items() if key != "stages.school.batch"},
        "tune.trials": 3,
        "tune.startup": 2,
    },
    "asked.yaml": LOOK,
    "looked.yaml": {**LOOK, "seeds": 16},
    "scent.yaml": {"stages.play.env_steps": 2048, "probes.skill.episodes": 2},
    "rotations.yaml": {**SCHOOL, "stages.rotations.updates": 2, "stages.rotations.batch": 8},
    "smooth.yaml": SCHOOL,
    "grow.yaml": {"stages.genome.updates": 3, "stages.genome.batch": 16},
    "heirs.yaml": {key: value for key, value in SCHOOL.items() if key != "brain.width"},
    "gated.yaml": {**LOOK, "brain.width": 8},
    "stripes.yaml": {
        **{key: value for key, value in LOOK.items() if "digits" not in key},
        "probes.right.every": 2,
    },
    "news.yaml": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "probes.door.episodes": 2,
        "brain.width": [8],
    },
    "born.yaml": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "probes.pole.episodes": 2,
        "brain.width": [8],
    },
    "doors.yaml": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "probes.door.episodes": 2,
        "brain.width": [8],
    },
    "corridor.yaml": {
        "stages.maze.env_steps": 64,
        "stages.maze.num_envs": 4,
        "stages.maze.rollout": 8,
        "probes.memory.episodes": 2,
        "brain.width": [8],
    },
    "digits.yaml": {"stages.school.updates": 4, "stages.school.batch": 16, "brain.width": [8]},
    "told.yaml": {
        **{
            f"stages.{stage}.{key}": size
            for stage in ("hear", "guess")
            for key, size in (("updates", 4), ("batch", 16))
        },
        "probes.digits.every": 2,
        "probes.digits.quick": 100,
        "brain.width": [8],
    },
    "pole.yaml": {
        **{"stages.expert.env_steps": 128, "stages.expert.num_envs": 2, "stages.expert.rollout": 16},
        **{"stages.judged.env_steps": 32, "stages.judged.num_envs": 2, "stages.judged.rollout": 8},
        **{"probes.pole.episodes": 2, "probes.pole.limit": 20, "brain.width": [8]},
    },
    "signs.yaml": {"stages.guess.updates": 4, "probes.right.every": 2, "brain.width": [8]},
    "shown.yaml": {**SCHOOL, "stages.look.updates": 2, "stages.look.num_envs": 2},
    "bars.yaml": {"stages.school.updates": 4, "stages.school.batch": 16, "probes.right.every": 2, "brain.width": [16]},
    "old.yaml": {
        **{"stages.life.updates": 4, "stages.life.tasks.every": 2, "arms.young": ["life"], "brain.width": [8, 8]},
        **{"probes.fresh.updates": 2, "probes.fresh.every": 2, "probes.health.every": 2, "probes.health.images": 20},
    },
    "split.yaml": {"stream.stage": {"updates": 2, "batch": 8}, "stream.probe": {}, "brain.width": [8]},
    "two_sets.yaml": {
        **{
            f"stages.{stage}.{key}": value
            for stage in ("large", "small")
            for key, value in {"updates": 4, "batch": 8}.items()
        },
        **{f"probes.{probe}.every": 2 for probe in ("mnist", "digits")},
        "arms.longer": ["large", "small"],
        "arms.shorter": ["large", {"use": "small", "set": {"updates": 2}}],
        "brain.width": [8],
        "seeds": 2,
    },
    "confidence.yaml": {**LOOK, "probes.sure.every": 2, "probes.sure.images": 100},
}


@dataclass(frozen=True)
class Step:
    """A block of a page: ``kind`` is bash, text or, with a ``name``, a file."""

    kind: str
    name: str
    text: str


def steps(page: str) -> list[Step]:
    found, before = [], 0
    for block in BLOCK.finditer(page):
        named = NAMED.search(page[before : block.start()].rstrip() + "\n")
        spoken = block[1] in ("bash", "text", "none")
        found.append(Step(block[1], named[1] if named and not spoken else "", block[2]))
        before = block.end()
    return [step for step in found if step.name or step.kind in ("bash", "text")]


def small(words: list[str]) -> list[str]:
    """A command with toy budgets where it lives a scenario."""
    if words[:2] not in (["devlearn", "run"], ["devlearn", "register"]) or "--dry-run" in words:
        return words
    toy = {"block": 4, **({} if "--seeds" in words else {"seeds": 2}), **TOY[words[2]]}
    settings = [f"--set={path}={value}" for path, value in toy.items()]
    if words[1] == "register":
        return [*words, *settings]
    settings += ["--no-report"] if words[2].endswith(".yaml") else []  # the tutorial's run draws its report
    return [*words, *settings, "--jobs=1"]


def made(target: str) -> list[str]:
    """The devlearn command of a target's recipe: what ``make`` runs once everything is installed."""
    recipe = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = [line for line in recipe.splitlines() if "/devlearn run" in line]
    words = shlex.split(command)
    return ["devlearn", "run", Path(words[2]).stem, *words[3:]]


def run(command: str) -> str:
    """The output of one command; its exit code is the one that its line announces, or 0."""
    wanted = int(found[1]) if (found := EXIT.search(command)) else 0
    words = shlex.split(command, comments=True)
    words = small(made(words[1]) if words[0] == "make" else words)
    code, output = in_process(*words[1:]) if words[0] == "devlearn" else apart(words)
    if code == 2 != wanted and (missing := EXTRA.search(output)):
        pytest.skip(f"{command} {missing[0]}")
    assert code == wanted, f"{command}\n{output}"
    return output


def in_process(*arguments: str) -> tuple[int, str]:
    result = call(*arguments)
    return result.exit_code, result.output


def apart(words: list[str]) -> tuple[int, str]:
    """Any other program; python and pytest are those that run this test."""
    program = {"pytest": [sys.executable, "-m", "pytest", "-q"], "python": [sys.executable]}
    command = [*program.get(words[0], words[:1]), *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def follow(page: Path) -> int:
    """Do all that a page says, in the current folder; the number of commands that were run."""
    output, ran = "", 0
    for step in steps(page.read_text(encoding="utf-8")):
        if step.name:
            Path(step.name).write_text(step.text)
        elif step.kind == "bash":
            commands = [line for line in step.text.splitlines() if line.strip() and not line.startswith(INSTALLED)]
            output = "".join(run(command) for command in commands)
            ran += len(commands)
        else:
            missing = [line for line in step.text.splitlines() if line.strip() not in output]
            assert not missing, f"{page.name} shows {missing[0]!r}; there was:\n{output}"
    return ran


@pytest.mark.parametrize("page", PAGES)
def test_a_how_to_page_does_what_it_says(page: str, here: Path) -> None:
    assert follow(ROOT / "docs" / "how-to" / f"{page}.md") > 0


def test_the_tutorial_does_what_it_says(here: Path) -> None:
    assert follow(ROOT / "docs" / "tutorial.md") > 5
    assert (here / "runs/first-steps/report.html").exists()


def test_the_readme_does_what_it_says(here: Path) -> None:
    assert follow(ROOT / "README.md") > 8
    assert sorted(path.parent.name for path in here.glob("runs/*/report.html")) == ["first-steps", "thousand"]


def mentioned() -> list[tuple[str, str]]:
    """Every command of ours that a page or a help text shows: in code of a line, or on a line of a block."""
    pages = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    pages += [path for path in (ROOT / "docs").rglob("*.md") if not {"_build", "library"} & set(path.parts)]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in pages}
    lines = {place: "\n".join(found[2] for found in BLOCK.finditer(text)) for place, text in texts.items()}
    lines |= {f"devlearn {name} --help": command.help or "" for name, command in main.commands.items()}
    inside, alone = re.compile(r"`devlearn ([a-z][^`\n]*)`"), re.compile(r"^\s*devlearn ([a-z][^\n#]*)", re.MULTILINE)
    found = [(place, one[1]) for place, text in texts.items() for one in inside.finditer(text)]
    return found + [(place, one[1]) for place, text in lines.items() for one in alone.finditer(text)]


def test_every_command_that_a_page_shows_exists_with_its_options() -> None:
    found, wrong = mentioned(), []
    for place, line in found:
        name, *words = line.split()
        command = main.commands.get(name)
        known = {option for one in (command.params if command else ()) for option in one.opts} | {"--help"}
        options = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
        if command is None or not options <= known:
            wrong.append(f"{place}: devlearn {line}")
    assert len(found) > 100 and not wrong, "\n".join(wrong)


def test_blocks_of_a_page() -> None:
    page = "Text. `a.py`:\n\n```python\nx = 1\n```\n\n```bash\nls  # exit code 1\n```\n\n```none\n3 %\n```\n"
    assert steps(page) == [Step("python", "a.py", "x = 1\n"), Step("bash", "", "ls  # exit code 1\n")]
