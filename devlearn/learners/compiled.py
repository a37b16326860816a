"""An update's losses as one compiled program: by torch.compile, on the CPU fused loops, on a GPU CUDA graphs.

It is asked for, never a default: a compiled program rounds otherwise than its operations one by one do, and compiling
takes seconds, or half a minute for the first time on a machine.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.learners.stacking import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.learners.objectives import Objective

PROGRAMS = 256  # in one process, by far: an objective that is another one at every update would compile for ever
CACHE, USUAL = "TORCHINDUCTOR_CACHE_DIR", "~/.cache/devlearn/compiled"
LIMITS = ("FailOnRecompileLimitHit", "FailOnCacheLimitHit")  # what torch raises there, by its version
TORCH = (2, 9)  # 2.6 miscounts what several threads might add to: it fails where labels choose among outputs
MEND = "leave --compile out"
ELSEWHERE = "let it say 'compiles = False', or run without --compile into another folder (--out)"
CHECKS = 3  # first losses of a program that are held against the plain ones: numbers that are drawn may agree once
PATIENCE = 20.0  # seconds in which a compiler has to say its name
EXPLAINS, USERS_CODE = "Explanation: ", "from user code:"  # what torch says of what it can't compile
NEAR = 1e-3, 1e-6  # relative to the larger, and at all: how far a program's losses may be from the plain ones


class CantCompile(ValueError):
    """Something can't be compiled here; the message says what, and why."""


def why_not() -> str:
    """Why nothing can be compiled here; empty where it can be."""
    name = os.environ.get("CXX") or "g++ or clang++"
    if not compiler():
        one = "; CXX names one program, without arguments" if " " in name else ""
        return f"--compile needs a C++ compiler, and {name} does not answer as one{one}; install one, or {MEND}"
    found = version("torch")
    if tuple(map(int, found.split(".")[:2])) < TORCH:
        return f"--compile needs torch {'.'.join(map(str, TORCH))} or newer, and this is {found}; or {MEND}"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            pass
    except OSError as error:
        return (
            f"--compile keeps programs in {folder()}: {error.strerror}; let {CACHE} name a folder of yours, or {MEND}"
        )
    return ""


def folder() -> Path:
    """Where compiled programs are kept: what ``TORCHINDUCTOR_CACHE_DIR`` says, or a folder of the user's."""
    return Path(os.environ.get(CACHE) or Path(USUAL).expanduser() / _processor())


def compiler() -> str:
    """The first line of what the C++ compiler says of itself; empty where there is none that answers as one.

    It is ``$CXX``, or ``g++`` (on macOS ``clang++``), as torch looks for it.
    """
    found = shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++"))
    return "" if found is None else _version(found)


@cache
def _version(path: str) -> str:
    keys: dict[str, Any] = {"capture_output": True, "check": True, "timeout": PATIENCE}
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run([path, "--version"], **keys)
        preprocessed = subprocess.run([path, "-x", "c++", "-E", "-"], input=b"__cplusplus", **keys).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    if not re.search(rb"^\d{6}L$", preprocessed, re.MULTILINE):  # some other program that says its version too
        return ""
    return done.stdout.decode(errors="replace").strip().partition("\n")[0].strip()


def _processor() -> str:
    """A name of the kind of processor: nodes of a cluster may share a home, and what one can run another may not."""
    path, kept = Path("/proc/cpuinfo"), ("model name", "flags", "CPU part", "Features")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = sorted({line for line in lines if line.startswith(kept)}) or [platform.processor()]
    return f"{platform.machine()}-{hashlib.sha256(chr(10).join(named).encode()).hexdigest()[:8]}"


class CompiledLosses:
    """The losses of a stacked cohort, one program for each objective and shape of a minibatch.

    What is compiled is a function of the objective, the network and the shapes alone, so records are as reproducible as
    without: a life that is gone on with has the programs that it had before. Programs are kept on disk, in a folder of
    the user's own, and the next process finds them there. Nothing else runs: no pool of compiling processes.
    """

    def __init__(self, device: torch.device) -> None:
        os.environ[CACHE] = str(folder())
        import torch._dynamo.config
        import torch._inductor.config

        torch._inductor.config.compile_threads = 1
        torch._inductor.config.cpp.enable_floating_point_contract_flag = "fast"  # a product and a sum are one operation
        config = torch._dynamo.config
        setattr(config, "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit", PROGRAMS)
        if find_spec("tqdm") is not None:  # torch's bar, whose lock between processes a worker would leave behind
            importlib.import_module("tqdm").tqdm.set_lock(threading.RLock())
        self._graphs = device.type == "cuda"  # an update is one graph, whose outputs the next overwrites
        mode = "reduce-overhead" if self._graphs else None
        self._run = torch.compile(_losses, fullgraph=True, dynamic=False, mode=mode)
        self._checked: Counter[Any] = Counter()  # by objective and shapes, losses held against plain ones

    def __call__(self, objective: Objective, model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Each learner's loss (N,) and the objective's metrics {name: (N,)}.

        Raises:
            CantCompile: the objective, or the network, is nothing that torch can compile, or changes at every update;
                or its program gives other losses, as one that draws random numbers by itself does.
        """
        from torch._dynamo import exc

        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()
        try:
            loss, metrics = self._run(objective, model, batch)
        except exc.TorchDynamoException as error:
            raise _cant(objective, _reason(str(error))) from error
        except tuple(getattr(exc, name) for name in LIMITS if hasattr(exc, name)) as error:
            raise _cant(
                objective, f"it is another one at every update, and {PROGRAMS} programs are the most"
            ) from error
        self._check(objective, model, batch, loss)
        return loss, {name: value.clone() if self._graphs else value for name, value in metrics.items()}

    def _check(self, objective: Objective, model: nn.Module, batch: Mapping[str, Tensor], loss: Tensor) -> None:
        """Hold the first losses of a program against those without it: torch may compile what it should refuse."""
        key = kind_of(objective), tuple((name, tuple(value.shape)) for name, value in batch.items())
        if self._checked[key] >= CHECKS:
            return
        self._checked[key] += 1
        with torch.no_grad():
            plain = objective(model, batch)[0]
        if not torch.allclose(loss.detach(), plain, *NEAR, equal_nan=True):
            numbers = f"{float(loss.detach()[0]):.6g} in place of {float(plain[0]):.6g}"
            drawn = "random numbers have to come with the batch"
            raise _cant(objective, f"its program gives other losses, {numbers}; {drawn}")


def _cant(objective: Objective, why: str) -> CantCompile:
    return CantCompile(
        f"{getattr(objective, '__name__', type(objective).__name__)} can't be compiled ({why}); {ELSEWHERE}"
    )


def _reason(said: str) -> str:
    """What torch says in a line, with its place in the objective; and where programs are kept, if one can't be used."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    why = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
    why += "".join(f": {line.removeprefix(EXPLAINS)}" for line in lines if line.startswith(EXPLAINS))
    places = re.findall(r'File "(.+?)", line (\d+)', said.partition(USERS_CODE)[2])
    place = f", {places[-1][0]}:{places[-1][1]}" if places else ""
    kept = (
        f"; programs are kept in {folder()}, which may be deleted" if "ImportError" in why or "OSError" in why else ""
    )
    return f"{why.rstrip('.')}{place}{kept}"


def _losses(objective: Objective, model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    loss, metrics = objective(model, batch)
    return loss, dict(metrics)
