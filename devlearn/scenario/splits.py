"""What the name of a data split says: its data set and its parts; what is a test, and which share images.

A split is ``SET.PART``, or ``SET.PART+PART``: ``mnist.train``, ``package.module:Name.train``. Of data in files it is
``PATH:PART``: ``shapes.npz:train``, ``pictures/:train``.
"""

import re

LEARNED = ("train", "valid", "rest")  # parts that may be learned from; all others are for probes
TESTS = ("test", "second")  # parts of any data set that answer questions and decide nothing
MADE_OF = {"train": ("rest", "second")}  # a part that is made of smaller ones
MINARI = "minari:"  # before the id of one of Minari's data sets
PART = re.compile(r"\w+(\+\w+)*")


def is_path(name: str) -> bool:
    """Whether a data set is named by where its files are: an ``.npz``, or a folder, which has a slash in it."""
    return name.endswith(".npz") or "/" in name


def split_name(text: str) -> tuple[str, str]:
    """The data set and the parts that a text names, ``("mnist", "train+valid")``; two empty ones where it is no split.

    It says nothing of whether there is such a data set. The path of a whole ``.npz`` and ``minari:ID`` are none.
    """
    if text.endswith(".npz") or text.startswith(MINARI):
        return "", ""
    name, colon, part = text.rpartition(":")
    if not (colon and is_path(name)):
        name, _, part = text.rpartition(".")
    return (name, part) if name and PART.fullmatch(part) else ("", "")


def joined(name: str, part: str) -> str:
    """A data set and a part of it as one name."""
    return f"{name}:{part}" if is_path(name) else f"{name}.{part}"


def is_test(split: str) -> bool:
    """Whether a split is for probes alone, as ``mnist.test`` and ``mnist.second`` are.

    Of a data set in files it is whatever is not for learning; of others a text can't tell what it names.
    """
    name, written = split_name(split)
    parts = written.split("+") if name else []
    return any(part in TESTS or (is_path(name) and part not in LEARNED) for part in parts)


def may_be_learned(split: str) -> bool:
    """Whether a stage may read what is known to be a split."""
    return all(part in LEARNED for part in split_name(split)[1].split("+"))


def is_valid(split: str) -> bool:
    """Whether a split is the part of the training images that choices are made by."""
    return split_name(split)[1] == "valid"


def overlap(one: str, other: str) -> bool:
    """Whether two splits share images, as ``mnist.train`` and ``mnist.second`` do."""
    return bool(split_name(one)[0]) and not set(parts(one)).isdisjoint(parts(other))


def parts(split: str) -> tuple[str, ...]:
    """The smallest splits that a split is made of: ``mnist.rest``, ``mnist.second`` for ``mnist.train``."""
    name, written = split_name(split)
    found = [piece for part in written.split("+") for piece in MADE_OF.get(part, (part,))]
    return tuple(joined(name, piece) for piece in found)
