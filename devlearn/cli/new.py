"""Commands that write new things: skeletons of plug-ins and scenarios, demonstrations."""

import importlib.util
import sys
from pathlib import Path

import click

from devlearn.cli.given import Named, env_spec, given_keys, see_here
from devlearn.cli.group import BAD_INPUT
from devlearn.templates import SPACES

NEXT: dict[str, tuple[str, ...]] = {
    "env": ("devlearn check env {module}:{Class}-v0", "devlearn run {snake}.yaml"),
    "stage": ("devlearn check stage {module}:{Class}", "devlearn run {snake}.yaml"),
    "prior": ("devlearn check stage {module}:{Class}", "devlearn run {snake}.yaml"),
    "brain": ("devlearn check brain {module}:{Class}", "devlearn run {snake}.yaml"),
    "probe": ("devlearn check probe {module}:{Class}", "devlearn run {snake}.yaml"),
    "executor": (
        "devlearn check executor {module}:{Class}",
        "devlearn run {snake}.yaml --executor {module}:{Class}",
    ),
    "section": (
        "devlearn check section {module}:{snake}",
        "devlearn run {snake}.yaml",
        "devlearn report runs/{snake} --section {module}:{snake}",
    ),
    "data": ("devlearn check data {module}:{Class}", "devlearn run {snake}.yaml"),
    "scenario": ("devlearn check scenario {snake}.yaml", "devlearn run {snake}.yaml"),
}


@click.command(short_help="Write a working skeleton with its test.")
@click.argument("what", type=Named(tuple(NEXT)))
@click.argument("name")
@click.option("--spaces", type=click.Choice(SPACES), help="Of an environment: what is seen or done there.")
def new(what: str, name: str, spaces: str | None) -> None:
    """Write a working skeleton called NAME, with its test and a scenario, into the current folder.

    WHAT is one of env, stage, prior, brain, probe, executor, section, data, scenario.

    An environment's skeleton shows a vector (box) or a Dict, a picture (image), or text; or it takes actions of several
    parts (multidiscrete).

    \b
    devlearn new stage Watch
    devlearn new env Maze --spaces image
    """
    from devlearn.templates import render, substitutions

    if spaces is not None and what != "env":
        raise click.UsageError(f"--spaces is for an environment, not for: new {what}")
    for path in render(what, name, Path.cwd(), spaces or SPACES[0]):
        click.echo(f"wrote {path.name}")
    click.echo("next:")
    installed = importlib.util.find_spec("pytest") is not None
    for command in (*NEXT[what], *(["pytest"] if installed else [])):
        click.echo(f"  {command.format(**substitutions(what, name))}")


@click.command(short_help="Record episodes of a policy in ENV.")
@click.argument("env")
@click.option("--policy", default="random", metavar="NAME", help="random, or module:function(observation, rng).")
@click.option("--episodes", type=click.IntRange(1, 100_000), default=10, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What episodes are drawn by.")
@click.option("--key", "keys", multiple=True, metavar="K=V", help="A keyword argument of the environment.")
@click.option("--wrapper", "wrappers", multiple=True, metavar="ID", help="What the environment is wrapped in, as YAML.")
@click.option("--vocabulary", metavar="WORDS", help="The words of the environment's texts, with spaces between them.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file, FILE.npz.")
def demonstrate(
    env: str,
    policy: str,
    episodes: int,
    seed: int,
    keys: tuple[str, ...],
    wrappers: tuple[str, ...],
    vocabulary: str | None,
    out: Path,
) -> None:
    """Record episodes that a policy lives in the environment ENV, as data that stages learn from.

    A policy of your own is a function of an observation and a numpy generator that returns the environment's action.

    \b
    devlearn demonstrate CartPole-v1 --episodes 20 --out cartpole.npz
    devlearn demonstrate CartPole-v1 --policy my_policies:lean --out cartpole.npz
    """
    see_here()
    from devlearn.records.ownership import make_folder
    from devlearn.tasks.demonstrations import record
    from devlearn.tasks.envs import BadWrapper, WorldError

    if out.suffix != ".npz":
        raise click.UsageError(f"--out names an .npz file, not {str(out)!r}")
    if out.exists():
        raise click.UsageError(f"{out} is there already; remove it, or choose another name")
    make_folder(out.parent)
    try:
        told = record(env_spec(env, given_keys(keys), wrappers, vocabulary), policy, episodes, seed)
    except (BadWrapper, WorldError) as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_INPUT)
    told.write(out)
    steps = f"{len(told.lengths):,} episodes of {told.steps:,} steps"
    click.echo(f"wrote {out}: {steps}, mean return {told.returns.mean():g}")
