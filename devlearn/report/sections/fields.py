"""Receptive fields: the first layer of one learner of each arm, at birth and after each stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.records.arrays import Picture
from devlearn.report.drawing import figures
from devlearn.report.pictures import Cell, Lives, lives, moment_of, mosaic, with_array
from devlearn.report.section import Page, Place, Shown, section


@dataclass(frozen=True)
class Row:
    """An arm, a picture for each moment of its life."""

    arm: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Grown:
    """What one probe drew at one point; ``whole`` is the figure of all of it, which is saved only."""

    probe: str
    caption: str
    rows: Sequence[Row]
    whole: Shown


@dataclass(frozen=True)
class Fields:
    """All probes of receptive fields at one point."""

    place: Place
    probes: Sequence[Grown]


@section("fields", title="Receptive fields", after="proxy", folded=True)
def fields(page: Page) -> list[Fields] | None:
    """The first layer of one learner at birth and after each stage.

    There with a probe of kind ``fields``.
    """
    found = [
        Fields(place, [_grown(page, place, *own) for own in with_array(lives(place.records), "fields")])
        for place in page.places
    ]
    return found if any(one.probes for one in found) else None


def _grown(page: Page, place: Place, probe: str, drawn: Lives) -> Grown:
    first = next(iter(drawn.values()))[0]
    units, seed = len(first.arrays["fields"]), first.seed
    rows = [Row(arm, [_cell(page, arm, picture) for picture in moments]) for arm, moments in drawn.items()]
    caption = (
        f"First-layer receptive fields of one learner, that of seed {seed} (the first), its first {units} units:"
        " neither was selected. Mid-grey is weight 0; lighter excites, darker inhibits, scaled by the largest weight"
        " shown at that moment, so compare shapes, not strengths."
    )
    tiles = {a: [(moment_of(p), mosaic(p.arrays["fields"])) for p in moments] for a, moments in drawn.items()}
    told = [{"arm": arm, "moment": moment_of(p), "seed": seed, **p.values} for arm, all_ in drawn.items() for p in all_]
    whole = page.shelf.file(figures.grown(tiles, caption, f"{place.prefix}fields-{probe}", caption, told))
    return Grown(probe, caption, rows, whole)


def _cell(page: Page, arm: str, picture: Picture) -> Cell:
    shown = picture.arrays["fields"]
    measured = ", ".join(f"{metric.replace('_', ' ')} {v:.2g}" for metric, v in picture.values.items())
    size = f"{shown.shape[1]} by {shown.shape[2]}"
    alt = f"{arm}, {moment_of(picture)}: {len(shown)} receptive fields of {size} weights"
    alt += f", {measured}" if measured else ""
    return Cell(moment_of(picture), measured, page.shelf.picture(mosaic(shown), alt))
