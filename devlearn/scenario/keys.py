"""What the models of a scenario share: names, numbers and units as they are written, and that nothing else is."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Unit = Literal["updates", "env_steps", "images", "flops"]
UNITS: tuple[Unit, ...] = ("updates", "env_steps", "images", "flops")
Role = Literal["innate", "pretrain", "trial", "imitate", "caregiver", "supervise", "consolidate", "control"]
ROLES: tuple[Role, ...] = get_args(Role)  # what a stage is in a life

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"
LONGEST = 64  # characters of a name: files are called by two names and an ending, and 255 bytes are the most
Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST)]
MOST_SEEDS = 10_000
Count = Annotated[int, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**62)]  # the seed of pinned streams is larger
At = Literal["end", "area", "birth", "best"] | Annotated[int, Field(ge=0)]
Better = Literal["higher", "lower"]
Text = Annotated[str, Field(min_length=1)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
