"""What all models of a run folder's files have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from devlearn.records.atomic import read_file
from devlearn.records.text import EvidenceError, as_json, shortened
from devlearn.records.versions import Format

__all__ = ["Better", "EvidenceError", "FileModel", "Json", "Keys", "Number"]

Better: TypeAlias = Literal["higher", "lower"]
Number: TypeAlias = int | float  # a whole number is written as one
Keys: TypeAlias = dict[str, JsonValue]  # of a plug-in: its own model knows what they mean
Json: TypeAlias = dict[str, Any]


def _one_part(name: str) -> str:
    if name in ("", ".", "..") or not name.isprintable() or {*"/\\[]"} & {*name} or name[0] in "=+-@":
        raise ValueError(f"{name!a} can't be a name")
    return name


def _of_a_job(folder: str) -> str:
    parts = folder.split("/")
    if len(parts) != 3 or parts[0] != "jobs" or {"", ".", ".."} & {*parts} or not folder.isprintable():
        raise ValueError(f"{folder!a} is no folder of a job: jobs/BRANCH/BLOCK")
    return folder


FileName: TypeAlias = Annotated[str, AfterValidator(_one_part)]  # files are named after it
JobName: TypeAlias = Annotated[str, AfterValidator(_of_a_job)]  # the folder of a job in its run's


class FileModel(BaseModel):
    """A JSON object of a run folder. A key that it does not know is an error, one that an older folder lacks is not.

    ``omitted`` are keys that the file has only where there is something to say; ``version`` is that of its ``format``,
    ``mend`` is what to do where it is damaged.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=True,
        ser_json_inf_nan="constants",
        defer_build=True,  # most commands use a few of all these models
    )
    omitted: ClassVar[frozenset[str]] = frozenset()
    version: ClassVar[Format | None] = None
    mend: ClassVar[str] = "move it away, and run the scenario again with the same --out, which writes it anew"

    @model_serializer(mode="wrap")
    def _without_silence(self, handler: SerializerFunctionWrapHandler) -> Json:
        found: Json = handler(self)
        return {key: value for key, value in found.items() if key not in self.omitted or value or _number(value)}

    def content(self) -> Json:
        """Plain values, as the file has them."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The object of plain values. Raises pydantic's ValidationError where they are none."""
        return cls.model_validate_json(as_json(content))

    @classmethod
    def read(cls, path: Path, resume: bool = False) -> Self | None:
        """The object in ``path``, or None where there is no such file.

        Args:
            resume: the file is gone on with, so it has to be of the version that is written.

        Raises:
            EvidenceError: the file holds something else, or is of another version; with the place and what to do.
        """
        try:
            text = read_file(path)
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise EvidenceError(f"{path}: a folder stands in its place; {cls.mend}") from error
        except NotADirectoryError as error:
            above = next(each for each in path.parents if each.exists())
            raise EvidenceError(f"{above}: a file stands in the place of this folder; move it away") from error
        try:
            found = cls.model_validate_json(text)
        except ValidationError as error:
            other = cls._other(text, resume)
            raise EvidenceError(f"{path}: {other or f'{_first(error)}; {cls.mend}'}") from error
        if other := cls._other(text, resume):
            raise EvidenceError(f"{path}: {other}")
        return found

    @classmethod
    def _other(cls, text: bytes, resume: bool) -> str:
        """Why the file's version is not ours; empty where it is, or where nothing tells."""
        if cls.version is None:
            return ""
        try:
            found = _Versioned.model_validate_json(text)
        except ValidationError:
            return ""
        if found.format is None:  # it may be no file of ours
            return ""
        if type(found.format) is not int:
            return f"format: {shortened(repr(found.format))} is no version; it was changed; {cls.mend}"
        return cls.version.refusal(found.format, resume)


def _number(value: object) -> bool:
    """Whether it says something although it may be 0."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Versioned(BaseModel):
    """What every version of a file has."""

    format: JsonValue = None


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False)[0]
    place = ".".join(map(str, wrong["loc"]))
    why = f"{place}: {wrong['msg']}" if place else wrong["msg"]
    if wrong["type"] == "missing":
        why = f"{place}: it is missing"
    return f"{shortened(why)}; it was changed, cut off when a disk was full, or written by a newer devlearn"
