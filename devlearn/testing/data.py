"""The contract test of a data set: what it declares is what is read, always, and no image is in two parts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from devlearn.registry import NoPlugin, get, misplaced
from devlearn.scenario.splits import is_path
from devlearn.tasks.data import BadData, DataSource, source_named
from devlearn.tasks.data.source import Arrays, pool
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.laws import generators_kept, guarded, raised, randomness

LARGEST = 4 * 2**30  # bytes of images that a run keeps in memory


def check_data(name: str | type[DataSource]) -> list[Finding]:
    """Try a data set, by name, path or class, against every law. All of it is read, twice."""
    findings, source = _opening(name)
    return findings if source is None else [*findings, *_Trial(source).findings()]


def _opening(name: str | type[DataSource]) -> tuple[list[Finding], DataSource | None]:
    """Whether there is such a data set, and it can be made."""
    try:
        cls: Any = name if isinstance(name, type) else None if is_path(name) else get("data", name)
        if cls is not None and (why := misplaced("data", str(name), cls)):
            return [Finding("kind", False, why)], None
        source = source_named(name) if isinstance(name, str) else cls()
    except (NoPlugin, BadData) as error:
        return [Finding("kind", False, str(error))], None
    findings = [Finding("kind", True, source.key)]
    if isinstance(name, str) and cls is not None and "kind" not in vars(cls):
        findings.append(Finding("named", False, f'the class has no kind; decorate it with @dataset("{name}")'))
    if cls is not None and not vars(cls).get("__doc__"):
        findings.append(Finding("described", False, "say in its docstring what it is; `devlearn list data` shows that"))
    declared = guarded("declared", lambda: _declared(source))
    if why := source.missing():
        return [*findings, declared, Finding("here", False, why)], None
    return [*findings, declared], source if declared.ok else None


def _declared(source: DataSource) -> Finding:
    """The shape of images, and how many there are of each class."""
    shape, counts = source.shape, dict(source.counts)
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) or min(shape) < 1:
        return Finding("declared", False, f"shape is {shape}; write (H, W) for grey images, (H, W, 3) for colour")
    lacking = {"train": not counts.keys() & {"train", "rest"}, "test": "test" not in counts}
    if missing := [part for part, lacks in lacking.items() if lacks]:
        return Finding("declared", False, f"counts has no {missing[0]!r}; it has the images of each class, by part")
    if len({len(own) for own in counts.values()}) != 1 or source.classes < 2:
        told = ", ".join(f"{len(own)} in {part}" for part, own in counts.items())
        return Finding("declared", False, f"counts has classes: {told}; every part has all classes, two at least")
    for part, own in source.parts.items():
        if min(own) < 1:
            mend = "without images of a class it can't be told; leave the class out, or give 2 images of each at least"
            return Finding("declared", False, f"{part} has no image of class {own.index(min(own))}: {mend}")
    sizes = ", ".join(f"{part} {sum(own):,}" for part, own in source.parts.items())
    return Finding("declared", True, f"{' x '.join(map(str, shape))}, {source.classes} classes; {sizes}")


class _Trial:
    """One data set, and all that it holds."""

    def __init__(self, source: DataSource) -> None:
        self.source = source

    def findings(self) -> list[Finding]:
        with generators_kept() as touched:
            try:
                self.read = {part: self.source.arrays(part) for part in self.source.parts}
            except (BadData, OSError) as error:
                return [Finding("reads", False, str(error))]
            except Exception as error:  # a user's class may fail in any way
                return [Finding("reads", False, raised(error))]
            used = touched()
        laws: dict[str, Callable[[], Finding]] = {
            "deterministic": self.deterministic,
            "disjoint": self.disjoint,
            "varied": self.varied,
            "memory": self.memory,
        }
        first = Finding("reads", True, "images and labels are of the declared shape, type, range and number")
        mend = "np.random.default_rng(seed)"
        return [first, randomness(used, mend), *(guarded(name, law) for name, law in laws.items())]

    def deterministic(self) -> Finding:
        """Read again, it is the same, even if what was read has been written into."""
        for part in self.source.counts:
            images, labels = self.source.read(part)
            kept = images.copy(), labels.copy()
            if images.flags.writeable and images.size:
                images.flat[0] ^= 255
            again = self.source.read(part)
            if not (np.array_equal(kept[0], again[0]) and np.array_equal(kept[1], again[1])):
                why = f"read({part!r}) gives something else the second time"
                mend = "draw from a generator with a fixed seed, and give arrays that nobody else holds"
                return Finding("deterministic", False, f"{why}; {mend}")
        return Finding("deterministic", True, "read again, every part is the same bit for bit")

    def disjoint(self) -> Finding:
        """No image of what is learned from is in another part."""
        known: dict[bytes, str] = {}
        twice: dict[tuple[str, str], int] = {}
        for part, (images, _) in self.read.items():
            rows = {image.tobytes() for image in images}
            for row in rows:
                if (before := known.get(row)) is not None:
                    twice[before, part] = twice.get((before, part), 0) + 1
            known |= {row: part for row in rows}
        if twice:
            (one, other), count = max(twice.items(), key=lambda item: item[1])
            share = count / len(self.read[other][0])
            why = f"{count:,} image(s) of {other} ({share:.2%}) are in {one} too"
            whole = pool(self.source, one) == pool(self.source, other)
            harm = "choices are made by images that were learned" if whole else "what is scored has been learned"
            return Finding("disjoint", False, f"{why}: {harm}; take them out of one of the two")
        return Finding("disjoint", True, "no image is in two parts")

    def varied(self) -> Finding:
        """Images are not all alike."""
        for part, (images, _) in self.read.items():
            if len(images) > 1 and (images == images[:1]).all():
                return Finding("varied", False, f"all images of {part} are the same")
        dark = int(max(images.max() for images, _ in self.read.values()))
        if dark <= 1:
            mend = "brightness is 0..255: multiply by 255"
            return Finding("varied", False, f"the brightest number of all images is {dark}; {mend}")
        return Finding("varied", True, f"brightness up to {dark}")

    def memory(self) -> Finding:
        size = sum(_bytes(arrays) for arrays in self.read.values())
        if size > LARGEST:
            why = f"{size / 2**30:.1f} GiB, and every worker keeps what it uses in memory"
            return Finding("memory", False, f"{why}; make images smaller or fewer, {LARGEST / 2**30:.0f} GiB at most")
        return Finding("memory", True, f"{size / 2**20:.1f} MiB")


def _bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)
