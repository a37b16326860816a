"""`devlearn run --compile`: refused where there is no compiler, and never mixed with what was not compiled."""

from pathlib import Path

import pytest

from devlearn.learners.compiled import compiler, why_not
from devlearn.records.layout import RunFolder
from devlearn.records.schema import JobSpec, Manifest
from tests.commands import said

TOY = """
devlearn: 1
scenario: toy
seeds: 2
block: 1
brain: {kind: mlp, width: [6]}
stages:
  look: {kind: pretrain.denoise, updates: 2, batch: 4}
  school: {kind: supervise, updates: 2, batch: 4}
arms: {long: [look, school], short: [school]}
probes: {digits: {kind: accuracy, data: mnist.valid, quick: 50}}
compare: {probe: digits}
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(TOY)
    return "toy.yaml"


def test_without_a_compiler_nothing_is_begun(toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    for more in ((), ("--dry-run",)):
        told = said("run", toy, "--compile", "--out", "run", *more, code=2)
        assert "--compile needs a C++ compiler, and no-such-compiler does not answer as one; install" in told
    assert not Path("run").exists()


def test_a_folder_for_programs_that_can_not_be_written_is_told_before_anything_is_begun(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("toy.yaml", "toy.yaml/below", "/proc/none"):
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", name)
        told = said("run", toy, "--compile", "--out", "run", code=2)
        assert f"--compile keeps programs in {name}: " in told and "let TORCHINDUCTOR_CACHE_DIR name a folder" in told
    assert not Path("run").exists()


@pytest.mark.skipif(bool(why_not()), reason="nothing can be compiled here")
def test_a_brain_that_is_not_compiled_is_told(toy: str) -> None:
    brain = ("--set", "brain={kind: conv, channels: [2], width: [4]}")
    told = said("run", toy, "--compile", *brain, "--no-report", "--out", "run")
    assert "warning: --compile changes nothing for brain conv: its learners run member by member" in told


@pytest.mark.skipif(bool(why_not()), reason="nothing can be compiled here")
def test_seeds_that_are_compiled_are_not_added_to_those_that_are_not(toy: str) -> None:
    said("run", toy, "--seeds", "1", "--no-report", "--out", "run")
    told = said("run", toy, "--compile", "--out", "run", code=2)
    assert f"updates were not compiled and are compiled by {compiler()} since " in told
    run = RunFolder(Path("run"))
    manifest = Manifest.read(run.manifest)
    assert manifest is not None and {program.compiler for program in manifest.programs.values()} == {""}
    specs = [JobSpec.read(path) for path in Path("run").rglob("job.json")]
    assert specs and not any(spec.compiled for spec in specs if spec)
    told = said("run", toy, "--seeds", "1", "--compile", "--no-report", "--out", "run")
    assert "updates were not compiled and are compiled by" in told and "what is done is only read" in told
    assert specs == [JobSpec.read(path) for path in Path("run").rglob("job.json")]
