"""Completion in the shell: the script that a shell reads once."""

import click
from click.shell_completion import get_completion_class

from devlearn.cli.given import Named

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print what makes a shell complete devlearn's commands.")
@click.argument("shell", type=Named(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that makes SHELL complete commands, options and kinds: bash, zsh or fish.

    \b
    devlearn completion bash >> ~/.bashrc
    devlearn completion zsh >> ~/.zshrc
    devlearn completion fish > ~/.config/fish/completions/devlearn.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "devlearn", "_DEVLEARN_COMPLETE").source())
