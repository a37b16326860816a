"""Genome files: what one learner was born with or has become, for other learners to be born from.

A ``*.genome.npz`` holds plain tensors by qualified name and, under one reserved name, a text of JSON: the version of
the format, where the learner came from and what its making consumed, and a checksum of all of it. Nothing in it is
pickled, and nothing is read from one that is.
"""

import fnmatch
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, JsonValue, ValidationError

from devlearn.records.atomic import replacing
from devlearn.records.npz import read_arrays
from devlearn.records.ownership import make_folder
from devlearn.records.text import shortened
from devlearn.records.versions import GENOME

SUFFIX = ".genome.npz"
ABOUT = "__devlearn_genome__"
NEEDED = ("brain", "ledger", "lineage")  # what births and costs are told from
BY_RUN = re.compile(r"[\w-]+ [0-9a-f]{12}: ")  # what older files put before a name: the run, for every birth anew
TENSORS = "tensors "
SWELLS = 4  # times its size on disk that a file may take in memory; ours are not compressed
NUMBERS = "?iuf"

Array = np.ndarray[Any, Any]
Json = dict[str, Any]


class _Stage(BaseModel):
    """A stage that was lived."""

    kind: str
    keys: dict[str, JsonValue]


class _About(BaseModel):
    """What is read of all that a genome file says of itself."""

    brain: dict[str, JsonValue]
    ledger: dict[str, float]
    lineage: str | list[str]
    stages: list[_Stage] = []
    trained: list[str] = []


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
            digest.update(_bytes(name, self.tensors[name]))
        return digest.hexdigest()

    @property
    def lineage(self) -> tuple[str, ...]:
        """The names of the lives that it descends from: its eldest ancestors', or its own.

        A file that was named after its run is named by its seed and brain too, unless others gave it something.
        """
        said = self.about["lineage"]
        if not isinstance(said, str):
            return tuple(said)
        lived = self.about.get("stages", [])  # of a file so old, which has kinds and keys and nothing else to go by
        given = any(stage["kind"] == "innate.inherit" or stage["keys"].get("lineages") for stage in lived)
        own = () if given or "seed" not in self.about else (life(f"seed {self.about['seed']}", self.about["brain"]),)
        runs = list(BY_RUN.finditer(said))
        return (*own, said[runs[-1].start() :] if runs else said)

    @property
    def trained(self) -> tuple[str, ...]:
        """The data splits that it and its ancestors trained on; an older file only says its own."""
        lived = self.about.get("stages", [])
        own = [stage["keys"]["data"] for stage in lived if "data" in stage["keys"]]
        return tuple(dict.fromkeys(self.about.get("trained", own)))

    def alike(self, only: str = "*") -> str:
        """A name that all files share whose tensors, of those that match ``only``, are identical."""
        digest = hashlib.sha256()
        for name in sorted(fnmatch.filter(self.tensors, only)):
            digest.update(_bytes(name, self.tensors[name]))
        return f"{TENSORS}{digest.hexdigest()[:16]}"

    def write(self, path: Path) -> Path:
        """Write it whole; the path."""
        text = json.dumps({"format": GENOME.written, "about": self.about, "checksum": self.checksum})
        make_folder(path.parent)
        with replacing(path) as file:
            np.savez(file, **{**self.tensors, ABOUT: np.array(text)})  # type: ignore[arg-type]
        return path


def _bytes(name: str, tensor: Array) -> bytes:
    return f"{name} {tensor.dtype.str} {tensor.shape}".encode() + np.ascontiguousarray(tensor).tobytes()


def life(who: str, brain: Mapping[str, Any]) -> str:
    """The name of all that ``who`` (a seed, a stage's ancestor) has lived with a brain, in whichever run.

    Not of the life's stages: two lives of one seed share their birth and what they draw, so they are no two samples.
    """
    return f"{who} of brain {hashlib.sha256(json.dumps(brain, sort_keys=True).encode()).hexdigest()[:12]}"


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
    if not (Path(path).is_file() and zipfile.is_zipfile(path)):
        raise BadGenome(f"{path} is no genome file, or is damaged; `devlearn genome RUN ARM` writes one")
    try:
        arrays = read_arrays(path, SWELLS * Path(path).stat().st_size)
    except (OSError, ValueError) as error:
        raise BadGenome(f"{path} can't be read ({error}); `devlearn genome RUN ARM` writes it anew") from error
    return _checked(path, arrays)


def _checked(path: str | Path, arrays: dict[str, Array]) -> GenomeFile:
    text = arrays.pop(ABOUT, None)
    if text is None:
        raise BadGenome(f"{path} is no genome file: it holds arrays, but nothing about them")
    try:
        said = json.loads(str(text))
        version, genome, checksum = said["format"], GenomeFile(arrays, said.get("about", {})), said.get("checksum")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = shortened(repr(error), "the rest is left out")
        raise BadGenome(f"{path} is no genome file: what it says about itself can't be read ({why})") from error
    if why := GENOME.refusal(version):
        raise BadGenome(f"{path}: {why}")
    if genome.checksum != checksum:
        raise BadGenome(f"{path} is damaged: its checksum differs; write it again with `devlearn genome RUN ARM`")
    if lacking := [key for key in NEEDED if key not in genome.about]:
        raise BadGenome(
            f"{path} does not say its {' and '.join(lacking)}; write it again with `devlearn genome RUN ARM`"
        )
    try:
        _About.model_validate(genome.about)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise BadGenome(f"{path}: what it says of itself is none of ours: {place}: {wrong['msg']}") from error
    if other := [name for name, tensor in arrays.items() if tensor.dtype.kind not in NUMBERS]:
        raise BadGenome(f"{path} holds no numbers in {other[0]}; write it again with `devlearn genome RUN ARM`")
    if lost := [name for name, tensor in arrays.items() if not np.isfinite(tensor).all()]:
        raise BadGenome(
            f"{path} holds numbers in {lost[0]} that are not finite: that learner had diverged; take another"
        )
    return genome
