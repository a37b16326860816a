"""Behaviour: what one learner of each arm did in each environment, at birth and after each stage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devlearn.records.arrays import Array, Picture
from devlearn.report.data import Row, courses
from devlearn.report.drawing import figures
from devlearn.report.pictures import Cell, Lives, lives, moment_of, with_array
from devlearn.report.section import Page, Place, Shown, section


@dataclass(frozen=True)
class Strip:
    """One episode in pictures, and the arms whose learner lived it."""

    title: str
    arms: Sequence[str]
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Film:
    """One environment at one point: a strip for each moment that no earlier point showed; ``again`` names the others.

    ``whole`` is the figure of all strips, which is saved only. Where an environment can't be drawn there are
    ``figures`` of observations instead.
    """

    env: str
    caption: str
    strips: Sequence[Strip] = ()
    again: Sequence[str] = ()
    figures: Sequence[Shown] = ()
    whole: Shown | None = None


@dataclass(frozen=True)
class Films:
    """All environments at one point."""

    place: Place
    films: Sequence[Film]


@section("films", title="Behaviour", after="fields", folded=True)
def films(page: Page) -> list[Films] | None:
    """One greedy episode of one learner at birth and after each stage.

    Frames, or observations where nothing can be drawn. There with a probe of kind ``return``.
    """
    seen: set[bytes] = set()
    found = [Films(place, _films(page, place, seen)) for place in page.places]
    return found if any(one.films for one in found) else None


def _films(page: Page, place: Place, seen: set[bytes]) -> list[Film]:
    """A film that was ``seen`` at an earlier point is only named."""
    drawn = lives(place.records)
    pictured = [_film(page, place, seen, *own) for own in with_array(drawn, "frames")]
    return pictured + [_traced(page, place, *own) for own in with_array(drawn, "trace")]


def _env(page: Page, probe: str) -> str:
    return str(page.run.resolved.probes[probe].own.get("env", probe))


def _film(page: Page, place: Place, seen: set[bytes], probe: str, drawn: Lives) -> Film:
    env, strips = _env(page, probe), _different(drawn, "frames")
    new = [(arms, picture) for key, arms, picture in strips if key not in seen]
    again = [f"{moment_of(picture)} ({', '.join(arms)})" for key, arms, picture in strips if key in seen]
    seen |= {key for key, _, _ in strips}
    shown = [_strip(page, arms, picture, env) for arms, picture in new]
    caption = f"One greedy episode in {env} of the learner of seed {strips[0][2].seed} (the first, not selected),"
    caption += " at moments evenly spread over it, with the return so far."
    tiles = {f"{moment_of(p)}: {', '.join(arms)}": _frames(p) for arms, p in new}
    told = [row for arms, picture in new for row in _told(arms, picture)]
    drawing = figures.grown(tiles, caption, f"{place.prefix}film-{probe}", caption, told) if tiles else None
    return Film(env, caption, shown, again, whole=page.shelf.file(drawing) if drawing else None)


def _told(arms: Sequence[str], picture: Picture) -> Iterator[Row]:
    """The return so far at each frame of one episode."""
    of = {"arms": ", ".join(arms), "moment": moment_of(picture), "seed": picture.seed}
    return courses(of, {"step": picture.arrays["steps"].tolist(), "return": picture.arrays["rewards"].tolist()})


def _different(drawn: Lives, array: str) -> list[tuple[bytes, list[str], Picture]]:
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


def _strip(page: Page, arms: Sequence[str], picture: Picture, env: str) -> Strip:
    title, cells = moment_of(picture), []
    steps, rewards = picture.arrays["steps"], picture.arrays["rewards"]
    for step, reward, frame in zip(steps, rewards, picture.arrays["frames"], strict=True):
        alt = f"{env}, {title}: step {step}, return so far {reward:.3g}"
        cells.append(Cell(f"step {step}", f"return {reward:.3g}", page.shelf.picture(frame, alt)))
    return Strip(title, list(arms), cells)


def _traced(page: Page, place: Place, probe: str, drawn: Lives) -> Film:
    """Environments that can't be drawn: observations over time, a figure for each arm, or for several alike."""
    env = _env(page, probe)
    alike: dict[bytes, tuple[list[str], list[Picture]]] = {}
    for arm, moments in drawn.items():
        key = b" ".join(moment_of(p).encode() + p.arrays["trace"].tobytes() for p in moments)
        alike.setdefault(key, ([], moments))[0].append(arm)
    names = (f"{place.prefix}trace-{probe}-{index}" for index in range(len(alike)))
    each = zip(alike.values(), names, strict=True)
    shown = page.figures([figures.traces(moments, ", ".join(arms), name) for (arms, moments), name in each])
    caption = f"Observations over one greedy episode in {env} of the first learner: this environment can't be drawn."
    return Film(env, caption, figures=shown)
