"""The command line as Markdown, from what click knows of each command."""

import inspect
import re

import click

from devlearn.cli import main
from devlearn_docs.words import plain, table


def commands() -> str:
    """Every command that is not hidden."""
    shown = [(name, command) for name, command in sorted(main.commands.items()) if not command.hidden]
    return "\n\n".join(_command(name, command) for name, command in shown)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"devlearn {name}")
    usage = f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    rows = [_option(context, option) for option in command.params if isinstance(option, click.Option)]
    parts = [f"## devlearn {name}", usage, _help(command.help or "")]
    return "\n\n".join([*parts, table(("option", "meaning"), rows)] if rows else parts)


def _option(context: click.Context, option: click.Option) -> list[str]:
    names, meaning = option.get_help_record(context) or (", ".join(option.opts), "")
    return [f"`{names}`", plain(meaning)]


def _help(text: str) -> str:
    r"""Paragraphs; those that click is told not to wrap (``\b``) become blocks of code."""
    parts = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if part.startswith("\b"):
            parts.append(
                "```bash\n" + "\n".join(line.strip() for line in part.lstrip("\b").strip().splitlines()) + "\n```"
            )
        else:
            parts.append(plain(" ".join(part.split())))
    return "\n\n".join(parts)
