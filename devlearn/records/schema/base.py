"""What all models of a run folder's files have in common."""

from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue, SerializerFunctionWrapHandler, ValidationError, model_serializer

Number: TypeAlias = int | float  # a whole number is written as one
Keys: TypeAlias = dict[str, JsonValue]  # of a plug-in: its own model knows what they mean
Json: TypeAlias = dict[str, Any]


class EvidenceError(ValueError):
    """What was asked for is not on record. The message names the run, the thing, and what there is."""


class FileModel(BaseModel):
    """A JSON object of a run folder. A key that it does not know is an error, one that an older folder lacks is not.

    ``omitted`` are keys that the file has only where there is something to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
    omitted: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_silence(self, handler: SerializerFunctionWrapHandler) -> Json:
        found: Json = handler(self)
        return {key: value for key, value in found.items() if value or key not in self.omitted}

    def content(self) -> Json:
        """Plain values, as the file has them."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The object in ``path``, or None where there is no such file.

        Raises:
            EvidenceError: the file holds something else; with the place and what to do.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise EvidenceError(f"{path}: {_first(error)}; it was changed, or written by a newer devlearn") from error


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False)[0]
    place = ".".join(map(str, wrong["loc"]))
    return f"{place}: {wrong['msg']}" if place else wrong["msg"]
