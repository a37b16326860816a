"""NumPy archives of others: sizes are read and bounded before anything is unpacked, and nothing is unpickled."""

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PLAIN = "?iufcSU"  # kinds of numbers and text; no objects, no records
MOST_MEMBERS = 100_000
_UNREADABLE = (
    ValueError,
    EOFError,
    KeyError,
    OverflowError,
    RecursionError,
    SyntaxError,
    tokenize.TokenError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # a member that is encrypted
    zipfile.BadZipFile,
    zlib.error,
)


class BadArchive(ValueError):
    """What no array can be read from; the message says why."""


def read_arrays(path: str | Path, most: int) -> dict[str, Array]:
    """The arrays of an ``.npz`` file by name; all of them together take at most ``most`` bytes.

    Raises:
        BadArchive: it is none, is damaged, holds other than plain arrays, or takes more than it may.
        OSError: it can't be opened.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > most:
                raise BadArchive(f"unpacked it takes more than {most:,} bytes")
            if len({*names}) < len(names):
                raise BadArchive("two arrays have one name")
            return {name: _array(archive, member) for name, member in zip(names, members, strict=True)}
    except BadArchive:
        raise
    except _UNREADABLE as error:
        raise BadArchive(str(error) or type(error).__name__) from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        shape, dtype = _header(file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in PLAIN or min(shape, default=0) < 0 or size > member.file_size:
            raise BadArchive(f"{member.filename!a} is no plain array of its size: {dtype} {shape}")
    with archive.open(member) as file:
        found: Array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):
            raise BadArchive(f"{member.filename!a} goes on behind its array")
    return found


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array that follows."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
