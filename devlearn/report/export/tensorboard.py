"""Curves for TensorBoard: a folder for each arm and learner, written by tensorboard's own writer."""

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from devlearn.report.export.learner_curves import Curve, learner_curves
from devlearn.report.export.tables import Table


def write(found: dict[str, Table], folder: Path) -> list[Path]:
    """Write the curves of the tables ``probes`` and ``train``; files of an earlier export are replaced."""
    return [_write(folder / name, curve) for name, curve in learner_curves(found).items()]


def _write(folder: Path, curve: Curve) -> Path:
    for earlier in folder.glob("events.out.tfevents.*"):
        earlier.unlink()
    writer = EventFileWriter(str(folder))
    for step, tag, value in curve:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.add_event(Event(wall_time=float(step), step=step, summary=summary))
    writer.close()
    return next(folder.glob("events.out.tfevents.*"))
