"""The storyboard: each arm's life as bars on one time axis."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes

from devlearn.evidence.analysis.timeline import PLANNED as PLANNED_KEYS
from devlearn.evidence.analysis.timeline import Span, Story, Window
from devlearn.evidence.text.formats import count, listed
from devlearn.report.data import Row
from devlearn.report.section import Drawn
from devlearn.report.stage_keys import keyed, telling, words
from devlearn.report.style import (
    DOUBLE,
    INK,
    LETTER,
    SMALL,
    counts,
    hover,
    inches,
    left_of,
    one_plot,
    short,
    shorten,
    stage_colour,
)

AXIS = {"updates": "updates", "flops": "FLOPs", "env_steps": "environment steps", "images": "images"}
ROW, NARROW, MANY = 0.62, 0.42, 12  # inches of a row, where there are many arms, and how many are many
LIFE = (
    "The life of each arm. A bar is a stage, its length what it took, its colour the way of learning; a thin mark is a"
    " stage that takes none."
)
SHARED = " Dashed and pale: lived once, by an arm above, and paid for by each arm that has it."
PLANNED = " Hollow and dotted: planned, with the length that its budget declares; nobody has finished it."
GUESSED = " A planned stage whose budget is in another unit has a bar of arbitrary length."


def storyboard(told: Story, name: str) -> Drawn:
    """Each arm a row; its stages as labelled bars; what an arm above lived already is dashed."""
    row_height = ROW if len(told.arms) <= MANY else NARROW
    left = left_of(told.arms, DOUBLE)
    figure, axes = one_plot(0.65 + row_height * len(told.arms), left=left, right=0.985, width=DOUBLE)
    axes.grid(False, axis="y")
    words, guessed = _words(told), unknown(told)
    told = placed(told)
    whole = max((span.end or 0.0 for spans in told.arms.values() for span in spans), default=0.0) or 1.0
    for row, (arm, spans) in enumerate(told.arms.items()):
        _lane(axes, arm, spans, row, whole, told)
    axes.set_yticks(range(len(told.arms)), [shorten(arm) for arm in told.arms])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(told.arms) - 0.4, -0.6)
    axes.set_xlim(0, whole * 1.005)
    counts(axes)
    axes.set_xlabel(f"{AXIS[told.unit]} over the whole life", color=INK)
    caption = LIFE + SHARED * _any_shared(told)
    caption += PLANNED * _any_planned(told) + GUESSED * bool(guessed)
    caption += " Hatched: a part of a stage with other values." * _any_window(told)
    return Drawn(name, figure, caption, f"Storyboard along {AXIS[told.unit]}. {words}", list(_data(told)))


def _data(told: Story) -> Iterator[Row]:
    for arm, spans in told.arms.items():
        for span in spans:
            unit, amount = span.budget or ("", "")
            yield {
                "arm": arm, "stage": span.name, "kind": span.kind, "visit": span.visit, "declared": amount,
                "declared_in": unit, f"{told.unit}_from": span.start, f"{told.unit}_to": span.end,
                "planned": int(span.planned),
            }  # fmt: skip


def unknown(told: Story) -> list[Span]:
    """The stages with a budget in another unit, whose length nobody knows before one has finished them."""
    unit = told.unit
    return [s for spans in told.arms.values() for s in spans if s.end is None and s.budget and s.budget[0] != unit]


def placed(told: Story) -> Story:
    """The story with ends for all stages: those of unknown length get the mean length of the others."""
    lengths = [
        s.end - s.start for spans in told.arms.values() for s in spans if s.end is not None and s.start is not None
    ]
    usual = sum(lengths) / len(lengths) if sum(lengths) else 1.0
    return Story(told.unit, {arm: _placed(spans, told.unit, usual) for arm, spans in told.arms.items()})


def _placed(spans: Sequence[Span], unit: str, usual: float) -> tuple[Span, ...]:
    found: list[Span] = []
    for span in spans:
        start = span.start if span.start is not None else found[-1].end if found else 0.0
        if span.end is None:
            length = usual if span.budget and span.budget[0] != unit else span.budget[1] if span.budget else 0.0
            span = replace(span, start=start, end=(start or 0.0) + length)
        found.append(span)
    return tuple(found)


def _lane(axes: Axes, arm: str, spans: Sequence[Span], row: int, whole: float, told: Story) -> None:
    inch = axes.get_position().width * DOUBLE / whole  # inches per unit
    names = list(told.arms)
    free = 0.0  # where the next label beside a bar may begin
    for span in spans:
        assert span.start is not None and span.end is not None
        again = any(names.index(other) < row for other in span.shared)
        width = span.end - span.start
        _bar(axes, span, row, stage_colour(span.kind), again)
        for window in span.windows:
            _window(axes, window, row, stage_colour(span.kind), inch)
        spent = ", ".join([*([_spent(span, told.unit)] if span.budget else []), *keyed(span.own)])
        lines = [shorten(span.name, 18), *([spent] if spent else [])]
        if len(told.arms) > MANY:
            lines = [", ".join(lines)]
        if max(map(len, lines)) * LETTER + 0.06 <= width * inch:
            axes.text(
                span.start + width / 2,
                row - 0.04 * bool(span.windows),
                "\n".join(lines),
                ha="center",
                va="center",
                fontsize=SMALL,
                color=INK,
            )
        else:
            free = _beside(axes, span, lines, row, max(free, span.start), inch)


def _bar(axes: Axes, span: Span, row: int, colour: str, again: bool) -> None:
    assert span.start is not None and span.end is not None
    start, width = span.start, span.end - span.start
    if width <= 0:
        thick = 1.0 if span.planned else 2.4
        axes.plot([start, start], [row - 0.27, row + 0.34], color=colour, linewidth=thick, solid_capstyle="butt")
        return
    dash = (0, (1, 1.5)) if span.planned else (0, (3, 2)) if again else "-"
    if not span.planned:
        (bar,) = axes.barh(row, width, left=start, height=0.5, color=colour, alpha=0.08 if again else 0.24, linewidth=0)
        hover(bar, f"{span.name}, {short(span.start)} to {short(span.end)}")
    axes.barh(row, width, left=start, height=0.5, fill=False, edgecolor=colour, linewidth=0.8, linestyle=dash)


def _window(axes: Axes, window: Window, row: int, colour: str, inch: float) -> None:
    """A hatched strip at the foot of the bar, with what is changed under it where there is room."""
    width = window.end - window.start
    axes.barh(
        row + 0.21, width, left=window.start, height=0.08, fill=False, edgecolor=colour, linewidth=0.8, hatch="////////"
    )
    text = ", ".join(keyed(window.keys))
    if len(text) * LETTER <= width * inch:
        axes.text(window.start + width / 2, row + 0.27, text, ha="center", va="top", fontsize=SMALL, color=INK)


def _beside(axes: Axes, span: Span, lines: list[str], row: int, start: float, inch: float) -> float:
    """A label above a bar that is too short for it; where the next one may begin."""
    text = ", ".join(lines)
    axes.text(start, row - 0.3, text, ha="left", va="bottom", fontsize=SMALL, color=INK)
    return start + (inches(text) + 0.1) / inch


def _spent(span: Span, unit: str) -> str:
    """What a stage took, where the axis counts that; what it was given, where that is another number."""
    assert span.budget is not None and span.start is not None and span.end is not None
    took = span.end - span.start
    if span.planned or span.budget[0] != unit or math.isclose(took, span.budget[1], rel_tol=1e-6):
        return _budget(span)
    return f"{count(took)} {unit.replace('_', ' ')} of {count(span.budget[1])} declared"


def _budget(span: Span) -> str:
    assert span.budget is not None
    unit, amount = span.budget
    return f"{f'{amount:,}' if amount < 100_000 else short(amount)} {unit.replace('_', ' ')}"


def _any_shared(told: Story) -> bool:
    return any(span.shared for spans in told.arms.values() for span in spans)


def _any_window(told: Story) -> bool:
    return any(span.windows for spans in told.arms.values() for span in spans)


def _any_planned(told: Story) -> bool:
    return any(span.planned for spans in told.arms.values() for span in spans)


def _words(told: Story) -> str:
    first: dict[str, Span] = {}
    for spans in told.arms.values():
        first = {span.name: span for span in spans} | first  # later ones tell only in what they differ
    return " ".join(
        f"{arm}: {listed([_word(span, telling(span) if span is first[span.name] else span.own) for span in spans])}."
        for arm, spans in told.arms.items()
    )


def _word(span: Span, keys: Mapping[str, object]) -> str:
    if span.start is None or span.end is None:
        return f"{span.name} (planned{f', {_budget(span)}' if span.budget else ''})"
    if span.start == span.end:
        return f"{span.name} at {short(span.start)}"
    said = [f"{key.replace('_', ' ')} {words(value)}" for key, value in keys.items() if key not in PLANNED_KEYS]
    changes = [f"{' and '.join(keyed(w.keys))} from {short(w.start)} to {short(w.end)}" for w in span.windows]
    told = [*["planned"] * span.planned, *said, *changes]
    return f"{span.name} from {short(span.start)} to {short(span.end)}{f' ({listed(told)})' if told else ''}"
