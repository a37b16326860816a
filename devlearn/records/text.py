"""Text that a file can hold, whatever it was made of: names of files that are no UTF-8, errors of any plug-in.

Python keeps what it can't decode as lone surrogates, which no UTF-8 has and no reader of JSON takes.
"""

import json
import os
import re
from typing import Any

MOST = 600  # characters of an error that are told; all of it stands in the job's log
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # lone surrogates that stand for no byte of a file's name

_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NO_MEMORY = "there is no memory for"
_ALLOCATOR = re.compile(
    r"\[enforce fail at [^]]*\].*?tried to allocate (\d+) bytes\.(?: Error code \d+ \([^)]*\))?", re.DOTALL
)


class EvidenceError(ValueError):
    """What was asked for is not on record. The message names the run, the thing, and what there is."""


def writable(text: str) -> str:
    """``text`` as UTF-8 can hold it: the bytes of a file's name decoded, what is no UTF-8 escaped (``\\xff``)."""
    plain = _NO_BYTE.sub(lambda lone: f"\\u{ord(lone[0]):x}", text)
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_name(text: str) -> str:
    """The file's name that ``writable`` wrote, as this process can open it, whatever its locale."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def as_json(value: Any, indent: int | None = None, allow_nan: bool = True) -> str:
    """Plain values as JSON, in ASCII, which every reader takes."""
    text = json.dumps(value, indent=indent, allow_nan=allow_nan)
    return json.dumps(_writable(value), indent=indent, allow_nan=allow_nan) if "\\ud" in text else text


def shortened(text: str, rest: str = "all of it stands in the log") -> str:
    """The beginning of a long text, and what becomes of the ``rest``."""
    return text if len(text) <= MOST else f"{text[:MOST]} ... ({len(text):,} characters; {rest})"


def printable(text: str) -> str:
    """``text`` without what moves a terminal's cursor, sets its title or colours what follows: shown, not obeyed."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def without_allocator(text: str) -> str:
    """What torch says where there is no memory, in words."""
    return _ALLOCATOR.sub(lambda said: f"{NO_MEMORY} {int(said[1]) / 1e9:,.1f} GB at once", text)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(own) for key, own in value.items()}
    return [_writable(own) for own in value] if isinstance(value, list | tuple) else value
