"""What the name of a data split says (``SET.PART``, ``SET.PART+PART``): what is a test, and which share images."""

TESTS = ("test", "second")  # parts that answer questions and decide nothing
MADE_OF = {"train": ("rest", "second")}  # a part that is made of smaller ones


def is_test(split: str) -> bool:
    """Whether a split is for probes alone, as ``mnist.test`` and ``mnist.second`` are."""
    name, _, part = split.rpartition(".")
    return bool(name) and part in TESTS


def overlap(one: str, other: str) -> bool:
    """Whether two splits share images, as ``mnist.train`` and ``mnist.second`` do."""
    return "." in one and not set(parts(one)).isdisjoint(parts(other))


def parts(split: str) -> tuple[str, ...]:
    """The smallest splits that a split is made of: ``mnist.rest``, ``mnist.second`` for ``mnist.train``."""
    name, _, written = split.rpartition(".")
    return tuple(f"{name}.{piece}" for part in written.split("+") for piece in MADE_OF.get(part, (part,)))
