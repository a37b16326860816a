"""Names that probes were written with before 0.2: they work until 0.3, with a warning that has the new one."""

from typing import Any, ClassVar

from pydantic import BaseModel

from devlearn.stages.old_names import take_over

RENAMED = {"asks": "requires", "fits": "check_brain"}


class OldNames(BaseModel):
    """What a probe says under an old name counts as said under the new one."""

    asks: ClassVar[str] = ""  # pydantic takes a class variable without annotation only where one is inherited

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        take_over(cls, "probe", RENAMED)
