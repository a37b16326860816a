"""Pictures of one learner through its life: receptive fields, and what it did in each environment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devlearn.records.arrays import Array, Picture, drawn_seed, pictures
from devlearn.records.reader import Json, Point
from devlearn.records.schema import ProbeEntry
from devlearn.report.figure_store import FigureStore
from devlearn.report.figures import grown, traces
from devlearn.report.figures.fields_grid import moment_of, mosaic

Lives = dict[str, list[Picture]]
Probes = Mapping[str, ProbeEntry]


def lives(point: Point) -> Lives:
    """The pictures of each arm's first learner."""
    return {name: pictures(arm, drawn_seed(arm)) for name, arm in point.arms.items()}


def _with(found: Lives, array: str) -> Iterator[tuple[str, Lives]]:
    """(probe, its pictures by arm) of every probe that drew ``array``."""
    probes = dict.fromkeys(p.probe for drawn in found.values() for p in drawn if array in p.arrays)
    for probe in probes:
        own = {arm: [p for p in drawn if p.probe == probe and array in p.arrays] for arm, drawn in found.items()}
        yield probe, {arm: drawn for arm, drawn in own.items() if drawn}


def fields(found: Lives, shelf: FigureStore, prefix: str) -> list[Json]:
    """For each probe of receptive fields: a row for each arm, a picture for each moment of its life."""
    return [_fields(probe, drawn, shelf, prefix) for probe, drawn in _with(found, "fields")]


def _fields(probe: str, drawn: Lives, shelf: FigureStore, prefix: str) -> Json:
    first = next(iter(drawn.values()))[0]
    units, seed = len(first.arrays["fields"]), first.seed
    rows = [
        {"arm": arm, "cells": [_field_cell(arm, picture, shelf) for picture in moments]}
        for arm, moments in drawn.items()
    ]
    caption = (
        f"First-layer receptive fields of one learner, that of seed {seed} (the first), its first {units} units:"
        " neither was selected. Mid-grey is weight 0; lighter excites, darker inhibits, scaled by the largest weight"
        " shown at that moment, so compare shapes, not strengths."
    )
    tiles = {a: [(moment_of(p), mosaic(p.arrays["fields"])) for p in moments] for a, moments in drawn.items()}
    name = shelf.file(grown(tiles, caption, f"{prefix}fields-{probe}", caption))
    return {"probe": probe, "caption": caption, "rows": rows, "name": name}


def _field_cell(arm: str, picture: Picture, shelf: FigureStore) -> Json:
    shown = picture.arrays["fields"]
    measured = _measured(picture)
    size = f"{shown.shape[1]} by {shown.shape[2]}"
    alt = f"{arm}, {moment_of(picture)}: {len(shown)} receptive fields of {size} weights"
    alt += f", {measured}" if measured else ""
    return {"title": moment_of(picture), "note": measured, "svg": shelf.picture(mosaic(shown), alt)}


def _measured(picture: Picture) -> str:
    """What the probe measured of this learner: ``smoothness 0.41``."""
    return ", ".join(f"{metric.replace('_', ' ')} {v:.2g}" for metric, v in picture.values.items())


def films(found: Lives, shelf: FigureStore, prefix: str, probes: Probes, seen: set[bytes]) -> list[Json]:
    """For each environment: one greedy episode at each moment of life, shown once with the arms that lived it."""
    drawn = [_film(probe, own, shelf, prefix, probes, seen) for probe, own in _with(found, "frames")]
    return drawn + [_traced(probe, own, shelf, prefix, probes) for probe, own in _with(found, "trace")]


def _film(probe: str, drawn: Lives, shelf: FigureStore, prefix: str, probes: Probes, seen: set[bytes]) -> Json:
    env = str(probes[probe].own.get("env", probe))
    strips = _strips(drawn, "frames")
    new = [(arms, picture) for key, arms, picture in strips if key not in seen]
    seen |= {key for key, _, _ in strips}
    rows = [_strip(arms, picture, env, shelf) for arms, picture in new]
    first = strips[0][2]
    caption = f"One greedy episode in {env} of the learner of seed {first.seed} (the first, not selected), at moments"
    caption += " evenly spread over it, with the return so far."
    tiles = {f"{moment_of(p)}: {', '.join(arms)}": _frames(p) for arms, p in new}
    name = shelf.file(grown(tiles, caption, f"{prefix}film-{probe}", caption)) if tiles else None
    again = [f"{moment_of(picture)} ({', '.join(arms)})" for key, arms, picture in strips if (arms, picture) not in new]
    return {"probe": probe, "env": env, "caption": caption, "rows": rows, "name": name, "again": again}


def _strips(drawn: Lives, array: str) -> list[tuple[bytes, list[str], Picture]]:
    """Every different picture once, in the order of life, with the arms that it is of."""
    found: dict[bytes, tuple[list[str], Picture]] = {}
    for arm, moments in drawn.items():
        for picture in moments:
            key = f"{picture.probe} {moment_of(picture)} ".encode() + picture.arrays[array].tobytes()
            found.setdefault(key, ([], picture))[0].append(arm)
    order = sorted(found.items(), key=lambda item: item[1][1].position)
    return [(key, arms, picture) for key, (arms, picture) in order]


def _frames(picture: Picture) -> list[tuple[str, Array]]:
    steps, rewards = picture.arrays["steps"], picture.arrays["rewards"]
    titles = [f"step {step}: {reward:.3g}" for step, reward in zip(steps, rewards, strict=True)]
    return list(zip(titles, picture.arrays["frames"], strict=True))


def _strip(arms: Sequence[str], picture: Picture, env: str, shelf: FigureStore) -> Json:
    title = moment_of(picture)
    cells: list[Any] = []
    steps, rewards = picture.arrays["steps"], picture.arrays["rewards"]
    for step, reward, frame in zip(steps, rewards, picture.arrays["frames"], strict=True):
        alt = f"{env}, {title}: step {step}, return so far {reward:.3g}"
        cells.append({"title": f"step {step}", "note": f"return {reward:.3g}", "svg": shelf.picture(frame, alt)})
    return {"title": title, "arms": list(arms), "cells": cells}


def _traced(probe: str, drawn: Lives, shelf: FigureStore, prefix: str, probes: Probes) -> Json:
    """Environments that can't be drawn: observations over time, a figure for each arm, or for several alike."""
    env = str(probes[probe].own.get("env", probe))
    alike: dict[bytes, tuple[list[str], list[Picture]]] = {}
    for arm, moments in drawn.items():
        key = b" ".join(moment_of(p).encode() + p.arrays["trace"].tobytes() for p in moments)
        alike.setdefault(key, ([], moments))[0].append(arm)
    names = (f"{prefix}trace-{probe}-{place}" for place in range(len(alike)))
    each = zip(alike.values(), names, strict=True)
    shown = shelf.figures([traces(moments, ", ".join(arms), name) for (arms, moments), name in each])
    caption = f"Observations over one greedy episode in {env} of the first learner: this environment can't be drawn."
    return {"probe": probe, "env": env, "caption": caption, "figures": shown}
