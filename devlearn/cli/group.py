"""The command group: how errors become messages and exit codes."""

import errno
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OK, FAILED, BAD_INPUT, PARTLY_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
INTO_ITS_RUN = ("report", "resume")  # what writes into the run that it is given
TRAINING = ("run", "resume")  # what is not done when nobody reads what it says
CUT_OFF = 141  # a run that stopped because nobody reads what it says any more: what SIGPIPE would make of it

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # told without a path, and no bug wherever they come from
NO_MORE_FILES = {errno.EMFILE, errno.ENFILE}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP} | FULL

# The user's mistakes. A module that was never imported can't have raised its error, and is not imported for this.
MISTAKES = {
    "devlearn.scenario.problems": "ScenarioError",
    "devlearn.records.text": "EvidenceError",
    "devlearn.registry": "NoPlugin",
    "devlearn.records.genome_file": "BadGenome",
    "devlearn.tasks.envs.registration": "UnknownEnv",
    "devlearn.tasks.data.source": "BadData",
    "devlearn.records.atomic": "FolderLocked",
    "devlearn.records.ownership": "NotOurs",
    "devlearn.records.published": "PublishedError",
    "devlearn.runs.folder": "FolderMismatch",
    "devlearn.runs.registration": "NotRegistered",
    "devlearn.runs.executors.base": "BadExecutor",
    "devlearn.report.export.formats": "MissingExtra",
    "devlearn.report.section": "SectionError",
    "devlearn.templates": "BadName",
}


def mistakes() -> tuple[type[Exception], ...]:
    """The exception types that are answers to bad input. Anything else is a bug and keeps its traceback."""
    return tuple(getattr(sys.modules[module], name) for module, name in MISTAKES.items() if module in sys.modules)


@contextmanager
def unheard() -> Iterator[None]:
    """What is printed inside may find no reader: then it goes nowhere, and what follows is done all the same."""
    try:
        yield
    except BrokenPipeError:
        silence()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Says on a terminal, before anything heavy is imported inside, what takes a moment; erased at the end."""
    terminal = sys.stderr.isatty()
    if terminal:
        click.echo(what, err=True, nl=False)
    try:
        yield
    finally:
        if terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def silence() -> None:
    """Send what is still to be printed, and what waits to be, nowhere: the reader of stdout or stderr has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A signal that ends a command: the first one does, those after it wait for the end that has begun."""
    deaf()
    raise KeyboardInterrupt


def deaf() -> None:
    """Hear no more signals that end a command: its end has begun, and takes seconds at most."""
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C, a terminal that closes and a polite kill interrupt what is done inside, once; nohup keeps its word."""
    before = {one: signal.getsignal(one) for one in ENDING}
    for one, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(one, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        deaf()  # until the command has ended
        raise
    except BaseException:
        _hear(before)
        raise
    _hear(before)


def _hear(handlers: Mapping[signal.Signals, Any]) -> None:
    for one, handler in handlers.items():
        signal.signal(one, handler)


def _there() -> bool:
    """Whether the current folder exists."""
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _fill_streams() -> None:
    """Standard streams that were closed before us lead nowhere: else a file opened later would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # which may be that number
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)  # workers have it too
            setattr(sys, name, open(number, "w" if number else "r", closefd=False, encoding="utf-8"))  # noqa: SIM115


class Group(click.Group):
    """Bad input is exit code 2 with a message, Ctrl-C is 130."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> Any:  # type: ignore[override]
        """As click has it. A program ends with its command, whatever threads an environment has left running."""
        if args is not None:
            return super().main(args, **options)
        status: Any = 0
        _fill_streams()
        try:
            super().main(**options)
        except SystemExit as end:
            status = end.code
        if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
            silence()
            os._exit(status if isinstance(status, int) else FAILED)
        gc.freeze()  # the interpreter's end would look through all that was imported, twice, for up to .8 s
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> Any:
        gc.set_threshold(50_000)  # a command imports much and throws little away: of looks for garbage most find none
        for stream in (sys.stdout, sys.stderr):  # a name that the terminal has no letters for is told all the same
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            deaf()
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader of stdout has left, as in `devlearn list envs | head`
            silence()
            ctx.exit(CUT_OFF if ctx.invoked_subcommand in TRAINING else OK)
        except Exception as error:
            said = str(error) if isinstance(error, mistakes()) else self.refused(error, ctx.invoked_subcommand)
            if not said:
                raise
            from devlearn.records.text import printable

            click.echo(printable(said), err=True)
            ctx.exit(BAD_INPUT)

    def refused(self, error: Exception, command: str | None) -> str:
        """What the system refused, and the mend; empty for an error that may be a bug of ours."""
        if isinstance(error, UnicodeEncodeError) and error.encoding == sys.getfilesystemencoding() != "utf-8":
            return f"{error.object!a}: this locale has no such letters; set PYTHONUTF8=1, or LC_ALL=C.UTF-8"
        if isinstance(error, FileNotFoundError) and not error.filename and not _there():
            return "the folder that this command is run in was deleted or moved away; go to another (cd)"
        if isinstance(error, OSError) and error.errno in NO_MORE_FILES:
            return f"{error.strerror}: the system lets this command open no more; raise the limit, as by ulimit -n 1024"
        if not isinstance(error, OSError) or error.errno not in REFUSED or not (error.filename or error.errno in FULL):
            return ""
        options = self.commands[command].params if command and command not in INTO_ITS_RUN else []
        out = " with --out" if any(one.name == "out" for one in options) else ""
        where = f"{error.filename}: " if error.filename else ""
        if isinstance(error, IsADirectoryError):
            return f"{where}a folder stands in its place; move it away, or use another folder{out}"
        other = "a copy of the run in another folder" if command in INTO_ITS_RUN else f"another folder{out}"
        if error.errno in FULL and command in TRAINING:
            return (
                f"{where}{error.strerror}; make room, and go on where it stopped: devlearn resume RUN, or use {other}"
            )
        return f"{where}{error.strerror}; mend that, or use {other}"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="devlearn", message="%(prog)s %(version)s")
def main() -> None:
    """A laboratory for developmental learning.

    A scenario says which stages of life each arm of an experiment goes through. devlearn trains every arm with many
    seeds and says, with statistics and an account of costs, whether the developmental arm beats its controls.

    \b
    devlearn run first_steps        the first scenario to try
    devlearn new env Maze           plug in an environment of your own
    """
