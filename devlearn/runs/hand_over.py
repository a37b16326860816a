"""A learner as a file that others read: its weights as safetensors, and for plain brains its program as ONNX."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.learners.brains.needs import memory_size
from devlearn.records.ownership import make_folder
from devlearn.report.export import MissingExtra

if TYPE_CHECKING:
    from torch import Tensor, nn

KINDS = ("safetensors", "onnx")


def hand_over(learner: nn.Module, to: str, path: Path, about: Mapping[str, str]) -> Path:
    """Write one learner's network into ``path``; ``about`` is told in the file's metadata.

    Raises:
        MissingExtra: the format needs a package that is not installed.
        ValueError: the network can't be written as ONNX.
    """
    make_folder(path.parent)
    for package in ("safetensors",) if to == "safetensors" else ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(f"--to {to} needs the package {package}: pip install 'devlearn[{to}]'")
    if to == "safetensors":
        from safetensors.torch import save_file

        tensors = {name: tensor.detach().contiguous().clone() for name, tensor in learner.state_dict().items()}
        save_file(tensors, path, metadata=dict(about))
    else:
        _onnx(learner, path, about)
    return path


def _onnx(learner: nn.Module, path: Path, about: Mapping[str, str]) -> None:
    """Every read-out of every sense that a plain brain has: an output ``SENSE/HEAD`` of the input ``SENSE``."""
    import onnx

    body, heads = getattr(learner, "body", None), getattr(learner, "heads", None)
    if body is None or heads is None or memory_size(learner) or getattr(body, "composites", None):
        raise ValueError("only built-in brains without memory, of plain senses, are written; take --to safetensors")
    senses = {name: eye.sense.space for name, eye in body.senses.items()}
    seen = tuple(torch.zeros((2, *space.shape), dtype=_dtype(space.dtype)) for space in senses.values())
    outputs = [f"{sense}/{head}" for sense in senses for head in heads]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of packages that nothing here uses
    torch.onnx.export(
        _program(learner, tuple(senses), tuple(heads)),
        seen,
        str(path),
        input_names=list(senses),
        output_names=outputs,
        dynamic_shapes=(tuple({0: torch.export.Dim.DYNAMIC} for _ in seen),),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(path)
    for key, value in about.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)


def _dtype(of: Any) -> torch.dtype:
    return torch.uint8 if str(of) == "uint8" else torch.float32


def _program(brain: nn.Module, senses: tuple[str, ...], heads: tuple[str, ...]) -> nn.Module:
    """A brain whose senses are its arguments, all at once; what it answers by every read-out, sense by sense."""

    class Program(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.brain = brain

        def forward(self, *seen: Tensor) -> tuple[Tensor, ...]:
            pairs = zip(senses, seen, strict=True)
            return tuple(self.brain(x, sense, head) for sense, x in pairs for head in heads)

    return Program().eval()


def told(brain: Mapping[str, Any], **who: Any) -> dict[str, str]:
    """What a file says of its learner."""
    return {
        "format": "devlearn learner",
        "brain": json.dumps(dict(brain)),
        **{key: str(own) for key, own in who.items()},
    }
