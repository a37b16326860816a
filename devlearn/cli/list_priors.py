"""``devlearn list priors``: what a learner can be born with or look at, and what each has to be compared with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from devlearn.stages.stage import Stage

Kinds = dict[str, "type[Stage]"]


def show() -> None:
    """Priors and looking stages with the controls that each needs, the control stages, and how a control is written."""
    from devlearn import registry
    from devlearn.scenario.controls import CONTROLS, RULES_OUT, example

    stages: Kinds = {name: registry.get("stages", name) for name in registry.names("stages")}
    priors = {name: cls for name, cls in stages.items() if cls.role == "innate"}
    controls = {name: cls for name, cls in stages.items() if cls.role == "control"}
    looking = {name: cls for name, cls in stages.items() if cls.controls and name not in priors}
    width = max(len(name) for name in (*priors, *controls, *looking))
    _kinds("priors", priors, width)
    _kinds("looking and other stages that need controls", looking, width)
    _kinds("stages that make a control", controls, width)
    click.echo("\ncontrols, for an arm born: [prior, school]; each is an arm and a pair [born, its name] in compare")
    for control in CONTROLS:
        click.echo(f"{control:<{width}}  rules out: {RULES_OUT[control]}")
        click.echo(f"{'':<{width}}  {example(control)}")


def _kinds(title: str, kinds: Kinds, width: int) -> None:
    from devlearn.cli.list import first_line

    click.echo(title if title == "priors" else f"\n{title}")
    for name, cls in kinds.items():
        click.echo(f"{name:<{width}}  {first_line(cls.__doc__)}")
        for line in _facts(cls):
            click.echo(f"{'':<{width}}  {line}")


def _facts(cls: "type[Stage]") -> Iterable[str]:
    import yaml

    from devlearn.scenario.controls import sham

    if cls.controls:
        yield f"needs: {', '.join(cls.controls)}"
    if "sham" in cls.controls:
        yield f"its sham: {yaml.safe_dump(sham(cls), default_flow_style=True).strip()}"
    if cls.control:
        yield f"control: {cls.control}"
