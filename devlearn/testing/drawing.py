"""A context that remembers which streams a stage draws from."""

from dataclasses import dataclass, field

from devlearn.stages.context import Context


@dataclass(frozen=True)
class Watched(Context):
    """``drawn`` are the first names of all streams so far."""

    drawn: set[str] = field(default_factory=set)

    def drawn_by(self, stream: str) -> tuple[int, ...]:
        self.drawn.add(stream)
        return super().drawn_by(stream)
