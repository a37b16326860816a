"""Learners as files that others read: what comes back answers as the learner does."""

import json

import numpy as np
import pytest
import torch

import devlearn
from tests.commands import call

TINY = """devlearn: 1
scenario: tiny
about: A question
seeds: [4, 9]
brain: {kind: %s, width: [8, 6]%s}
stages: {school: {kind: supervise, data: digits.train, labels: 20, updates: 3}}
arms: {plain: [school]}
probes: {digits: {kind: accuracy, data: digits.test}}
compare: {probe: digits, smallest_effect: 0.01}
"""


@pytest.fixture(scope="module", params=["mlp", "conv"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> devlearn.Run:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "tiny.yaml").write_text(TINY % (request.param, ", channels: [2]" * (request.param == "conv")))
    return devlearn.run(folder / "tiny.yaml", out=folder / "out", report=False)


def images() -> torch.Tensor:
    return torch.randint(0, 255, (5, 8, 8), dtype=torch.uint8)


def test_safetensors_hold_every_weight(run: devlearn.Run) -> None:
    safetensors = pytest.importorskip("safetensors", reason="needs safetensors: pip install 'devlearn[safetensors]'")
    path = run.hand_over("plain", 9)
    with safetensors.safe_open(path, "pt") as file:
        about, found = file.metadata(), {name: file.get_tensor(name) for name in sorted(file.keys())}
    assert (about["arm"], about["seed"]) == ("plain", "9") and json.loads(about["brain"])["width"] == [8, 6]
    own = run.learner("plain", 9).state_dict()
    assert own.keys() == found.keys() and all(torch.equal(own[name], found[name]) for name in own)


def test_onnx_answers_as_the_learner(run: devlearn.Run) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'devlearn[onnx]'")
    pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'devlearn[onnx]'")
    from onnx.reference import ReferenceEvaluator

    path = run.hand_over("plain", 4, "onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model)
    assert {entry.key: entry.value for entry in model.metadata_props}["seed"] == "4"
    (sense,), (output,) = [one.name for one in model.graph.input], [one.name for one in model.graph.output]
    seen, (_, head) = images(), output.split("/")
    (told,) = ReferenceEvaluator(model).run(None, {sense: seen.numpy()})
    with torch.no_grad():
        wanted = run.learner("plain", 4)(seen, sense, head).numpy()
    np.testing.assert_allclose(told, wanted, rtol=1e-4, atol=1e-5)


def test_what_can_not_be_written_says_so(run: devlearn.Run) -> None:
    folder = str(run.folder)
    for arguments, message in {
        ("--to", "onnx"): "name its --arm",
        ("--to", "safetensors", "--arm", "plane"): "plain",
        ("--to", "safetensors", "--arm", "plain", "--seed", "3"): "no seed 3",
        ("--to", "csv", "--arm", "plain"): "choose a learner",
        ("--to", "cvs"): "did you mean 'csv'",
    }.items():
        done = call("export", folder, *arguments)
        assert done.exit_code == 2 and message in done.output, (arguments, done.output)
