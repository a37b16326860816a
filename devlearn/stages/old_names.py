"""Names that stages were written with before 0.2: they work until 0.3, with a warning that has the new one.

To take them away, delete the end of ``stage.py``, let ``Stage`` derive from ``BaseModel``, do the same for probes
(``probes/old_names.py``) and delete both files.
"""

import warnings
from collections.abc import Mapping
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
        _warn(owner, "stage", self.name, RENAMED[self.name])
        return getattr(owner, RENAMED[self.name])


class OldNames(BaseModel):
    """What a stage says under an old name counts as said under the new one."""

    draws: ClassVar[Any] = Renamed()
    fixed: ClassVar[Any] = Renamed()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        take_over(cls, "stage", RENAMED)


def take_over(cls: type, what: str, renamed: Mapping[str, str]) -> None:
    """What a class says under an old name is said under the new one too, with a warning. ``what`` is its contract."""
    for old in renamed.keys() & vars(cls).keys():
        _warn(cls, what, old, renamed[old])
        setattr(cls, renamed[old], vars(cls)[old])


def _warn(owner: type, what: str, old: str, new: str) -> None:
    text = f"{old!r} of a {what} is called {new!r} since 0.2; the old name works until 0.3"
    warnings.warn(f"{owner.__qualname__}: {text}", DeprecationWarning, stacklevel=3)
