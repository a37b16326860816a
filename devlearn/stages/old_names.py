"""Names that stages were written with before 0.2: they work until 0.3, with a warning that has the new one.

To take them away, delete this file and the end of ``stage.py``, and let ``Stage`` derive from ``BaseModel``.
"""

import warnings
from typing import Any, ClassVar

from pydantic import BaseModel

RENAMED = {
    "draws": "stream_names",
    "fixed": "immutable_keys",
    "work": "cost",
    "leaves": "not_inherited",
    "kin": "origin_ids",
    "under": "with_change",
}


class Renamed:
    """A class variable that is read by its old name, as in ``fixed = (*Stage.fixed, "momentum")``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        _warn(owner, self.name)
        return getattr(owner, RENAMED[self.name])


class OldNames(BaseModel):
    """What a stage says under an old name counts as said under the new one."""

    draws: ClassVar[Any] = Renamed()
    fixed: ClassVar[Any] = Renamed()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for old in RENAMED.keys() & vars(cls).keys():
            _warn(cls, old)
            setattr(cls, RENAMED[old], vars(cls)[old])


def _warn(owner: type, old: str) -> None:
    text = f"{old!r} of a stage is called {RENAMED[old]!r} since 0.2; the old name works until 0.3"
    warnings.warn(f"{owner.__qualname__}: {text}", DeprecationWarning, stacklevel=3)
