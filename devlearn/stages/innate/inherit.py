"""Born from genome files: what another life has evolved or learned is there at birth."""

from __future__ import annotations

import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, final

from pydantic import Field, ValidationInfo, field_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs, filled
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.records.genome_file import GenomeFile
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


def read(file: str) -> GenomeFile:
    """A genome file, checked; who only lists stages needs no reader of files."""
    from devlearn.records import genome_file

    return genome_file.read(file)


@cache
def _origin_ids(file: str, content: str, only: str) -> tuple[str, ...]:
    """The names of a file's life; ``content`` is its checksum, so that a file written anew is read anew."""
    genome = read(file)
    return (*genome.lineage, genome.alike(only))


@stage("innate.inherit")
@final
class Inherit(Stage):
    """Takes over the weights of learners that `devlearn genome` has written to files, once.

    Seed s is born from file s modulo their number. All that are born from one life are one lineage, through however
    many files: an heir's file counts as its eldest ancestor, and files of identical tensors count as one. Tensors are
    found by qualified name: what a file does not have stays as it was born, what the brain does not have is left
    out (a head of another scenario), and one of another shape is an error. Each learner pays for the whole of its
    genome's making: labels, images, environment steps, FLOPs and what a caregiver said; updates are those of a life of
    its own. Where files differ in what they cost, every learner pays the dearest.

    Metrics:
        inherited: share of the learner's weights and biases that came from its genome
    """

    role = "innate"
    units = ()
    metrics = ("inherited",)
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    files: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="genome files; their paths begin at the scenario's folder, or at the current one"
    )
    only: str = Field("*", description="shell pattern of the tensors that are inherited, by qualified name (body.*)")
    contents: tuple[str, ...] = Field(
        (), validate_default=True, description="the files' checksums, filled in; files of other contents are refused"
    )

    @field_validator("files")
    @classmethod
    def _found(cls, files: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        from devlearn.records.genome_file import find

        folder = (info.context or {}).get("folder", Path())
        return tuple(str(find(file, (folder, Path.cwd()))) for file in files)

    @field_validator("contents")
    @classmethod
    def _unchanged(cls, contents: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        files = info.data.get("files", ())
        found = tuple(read(file).checksum for file in files)
        changed = [file for file, was, now in zip(files, contents, found, strict=False) if was != now]
        if changed or (contents and len(contents) != len(found)):
            what = f"{changed[0]} has" if changed else "the list of files has"
            raise ValueError(f"{what} changed since its checksum was taken; leave contents out, or run it anew")
        return found

    def origin_ids(self, seed: int) -> tuple[str, ...]:
        number = seed % len(self.files)
        return _origin_ids(self.files[number], self.contents[number], self.only)

    def not_inherited(self, brain: nn.Module) -> tuple[str, ...]:
        """Weights that a file does not have; none where ``only`` says what is meant."""
        if "only" in self.model_fields_set:
            return ()
        files = [read(file).tensors for file in self.files]
        return tuple(name for name, _ in brain.named_parameters() if not all(name in tensors for tensors in files))

    def uses_labels(self) -> bool:
        return True

    def trains_on(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(split for file in self.files for split in read(file).trained))

    def _of(self, seed: int) -> GenomeFile:
        return read(self.files[seed % len(self.files)])

    def _passed(self, genome: GenomeFile, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What a genome gives to a brain with the tensors ``own``, of one learner."""
        names = [name for name in fnmatch.filter(genome.tensors, self.only) if name in own]
        if not names:
            raise ValueError(f"no tensor of the genome that matches {self.only!r} is in this brain: {', '.join(own)}")
        for name in names:
            if genome.tensors[name].shape != tuple(own[name].shape):
                shapes = f"{genome.tensors[name].shape} in the genome, {tuple(own[name].shape)} here"
                raise ValueError(f"{name} is {shapes}: give the scenario the genome's brain, {genome.about['brain']}")
        return {name: torch.from_numpy(genome.tensors[name]) for name in names}

    def needs(self) -> Needs:
        return Needs()

    def reflexes(self) -> tuple[str, ...]:
        """Those of the learners that are inherited from."""
        files = (read(file).tensors for file in self.files)
        passed = ({name: own[name] for name in fnmatch.filter(own, self.only)} for own in files)
        return tuple(dict.fromkeys(name for own in passed for name in filled(own)))

    def cost(self, brain: nn.Module) -> Cost:
        from devlearn.records.schema import FEEDBACK

        genomes = [read(file) for file in self.files]
        for genome in genomes:
            self._passed(genome, brain.state_dict())
        spent = ("labels", "label_bits", "labels_validation", "images", "env_steps", "flops", *FEEDBACK)
        return Cost(**{unit: max(genome.about["ledger"].get(unit, 0) for genome in genomes) for unit in spent})

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own, shares = {**cohort.parameters(), **cohort.buffers}, []
        for row, seed in enumerate(context.seeds):
            passed = self._passed(self._of(seed), {name: tensor[row] for name, tensor in own.items()})
            for name, tensor in passed.items():
                own[name][row] = tensor.to(own[name])
            shares.append(sum(tensor.numel() for name, tensor in passed.items() if name in cohort.weights))
        yield {"inherited": torch.tensor(shares, device=cohort.device) / cohort.flat.shape[1]}
