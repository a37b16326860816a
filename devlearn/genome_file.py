"""Genome files: what one learner was born with or has become, for other learners to be born from.

A ``*.genome.npz`` holds plain tensors by qualified name and, under one reserved name, a text of JSON: the version of
the format, where the learner came from and what its making consumed, and a checksum of all of it. Nothing in it is
pickled, and nothing is read from one that is.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 1
SUFFIX = ".genome.npz"
ABOUT = "__devlearn_genome__"
NEEDED = ("brain", "ledger", "lineage")  # what births and costs are told from

Array = np.ndarray[Any, Any]
Json = dict[str, Any]


class BadGenome(ValueError):
    """A file that no learner can be born from; the message says why and what to do."""


@dataclass(frozen=True)
class GenomeFile:
    """``tensors`` of one learner by qualified name. ``about``: scenario, arm, seed, brain, stages, ledger, lineage."""

    tensors: Mapping[str, Array]
    about: Json

    @property
    def checksum(self) -> str:
        """sha256 of the tensors and of what is said about them."""
        digest = hashlib.sha256(json.dumps(self.about, sort_keys=True).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            digest.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode())
            digest.update(np.ascontiguousarray(tensor).tobytes())
        return digest.hexdigest()

    def write(self, path: Path) -> Path:
        """Write it to a temporary file and rename that."""
        text = json.dumps({"format": FORMAT, "about": self.about, "checksum": self.checksum})
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            np.savez(file, allow_pickle=False, **{**self.tensors, ABOUT: np.array(text)})
        new.replace(path)
        return path


def find(name: str, folders: Iterable[Path]) -> Path:
    """The absolute path of a genome file, looked for below each of ``folders``; one that can be read.

    Raises:
        BadGenome: there is none, or it is no genome.
    """
    places = list(dict.fromkeys(folder.resolve() / name for folder in folders))
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        where = " and in ".join(str(place.parent) for place in places)
        raise BadGenome(f"there is no file {Path(name).name} in {where}; `devlearn genome RUN ARM` writes one")
    read(path)
    return path


def read(path: str | Path) -> GenomeFile:
    """A genome file, whole and undamaged.

    Raises:
        BadGenome: there is no such file, it is no genome, of another version, or not what was written.
    """
    if not zipfile.is_zipfile(path):
        raise BadGenome(f"{path} is no genome file, or is damaged; `devlearn genome RUN ARM` writes one")
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise BadGenome(f"{path} can't be read ({error}); `devlearn genome RUN ARM` writes it anew") from error
    return _checked(path, arrays)


def _checked(path: str | Path, arrays: dict[str, Array]) -> GenomeFile:
    text = arrays.pop(ABOUT, None)
    if text is None:
        raise BadGenome(f"{path} is no genome file: it holds arrays, but nothing about them")
    try:
        said = json.loads(str(text))
        version, genome, checksum = said["format"], GenomeFile(arrays, said.get("about", {})), said.get("checksum")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadGenome(f"{path} is no genome file: what it says about itself can't be read ({error!r})") from error
    if version != FORMAT:
        raise BadGenome(f"{path} has format {version}, and this reads {FORMAT}; write it again")
    if genome.checksum != checksum:
        raise BadGenome(f"{path} is damaged: its checksum differs; write it again with `devlearn genome RUN ARM`")
    if lacking := [key for key in NEEDED if key not in genome.about]:
        raise BadGenome(
            f"{path} does not say its {' and '.join(lacking)}; write it again with `devlearn genome RUN ARM`"
        )
    if lost := [name for name, tensor in arrays.items() if not np.isfinite(tensor).all()]:
        raise BadGenome(
            f"{path} holds numbers in {lost[0]} that are not finite: that learner had diverged; take another"
        )
    return genome
