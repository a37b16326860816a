"""The checksum of a file that others build upon, in a file beside it."""

import hashlib
from pathlib import Path


def checksum(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(path: Path) -> Path:
    """The file that says what a file's checksum was."""
    return path.with_suffix(".sha256")


def intact(path: Path) -> bool:
    """Whether a file is there and is what was written."""
    said = beside(path)
    return path.is_file() and said.is_file() and said.read_bytes() == checksum(path).encode()
