"""The engine's promises: exact resume, gates, totals, divergence, ledger, read-only probes."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.records.schema import EvidenceError
from devlearn.runs.engine import JobFailed, checkpoint, learner, live, visit_runner
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.visit_runner import VisitRunner, looks_every
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Cost, Metrics, Stage, stage
from tests.laws.rows import BRAIN, make, needs_of
from tests.runs.engine.jobs import DIGITS, digest, killed_after, rows, write_job

LOOK = {"kind": "pretrain.denoise", "updates": 12, "batch": 8}
SCHOOL = {"kind": "supervise", "labels": 50, "batch": 10, "updates": 12}
PLAY = {"kind": "trial.ppo", "env": "Acrobot-v1", "env_steps": 200, "num_envs": 2, "rollout": 20, "epochs": 3}
REACH = {**PLAY, "env": "devlearn/DigitReach-v0"}


@pytest.mark.parametrize("checkpoints", [1, 4, 7])
def test_a_life_that_was_cut_ends_with_the_same_records(tmp_path: Path, checkpoints: int) -> None:
    stages = {"look": LOOK, "reach": REACH, "play": PLAY, "school": SCHOOL}
    whole, cut = (write_job(tmp_path / name, "branch", stages) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, checkpoints, segment=3)
    assert digest(cut) != digest(whole)
    live(cut, segment=2)
    assert digest(cut) == digest(whole)
    end = [checkpoint.load(folder / "artifacts" / "end.pt")["brain"] for folder in (whole, cut)]
    assert all(torch.equal(end[0][name], end[1][name]) for name in end[0])


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[:-200], lambda content: content[:5000] + b"?" * 9 + content[5009:]],
)
@pytest.mark.parametrize("damaged", [1, 2], ids=["the newest", "both"])
def test_a_damaged_checkpoint_is_put_aside_and_what_is_before_it_leads_to_the_same_records(
    tmp_path: Path, damage: Callable[[bytes], bytes], damaged: int, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", {"reach": REACH}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=1)
    existing = sorted((cut / "checkpoints").glob("*.pt"))
    for path in existing[-damaged:]:
        path.write_bytes(damage(path.read_bytes()))
    live(cut)
    assert digest(cut) == digest(whole)
    said = capsys.readouterr().err
    assert f"{existing[-1].name} is damaged: it is kept as {existing[-1].name}.damaged" in said
    assert ("goes on from its beginning" in said) == (damaged == 2)


@pytest.mark.parametrize("yields", [1, 12, 13, 24])
def test_a_job_whose_folder_is_moved_away_makes_nothing_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yields: int
) -> None:
    """What it wrote there would be taken for the job's, without what it had written before."""
    folder = write_job(tmp_path, "branch", {"look": LOOK, "school": SCHOOL})
    after, count = VisitRunner._after_yield, itertools.count(1)

    def moving(*args: Any) -> bool:
        if next(count) == yields:
            folder.rename(tmp_path / "away")
        return after(*args)

    monkeypatch.setattr(VisitRunner, "_after_yield", moving)
    with pytest.raises((JobFailed, FileNotFoundError), match="No such file"):
        live(folder)
    assert not folder.exists()
    monkeypatch.undo()
    live(tmp_path / "away")


def test_every_lesson_is_on_record_for_each_learner_and_a_life_that_was_cut_has_the_same(tmp_path: Path) -> None:
    corridor = {"env": "devlearn/KeyCorridor-v0", "env_kwargs": {"length": 7, "limit": 5}, "env_steps": 400}
    taught = {**PLAY, **corridor, "lessons": [{"door": 5}, {"door": 7}], "teacher": {"kind": "fixed"}}
    whole, cut = (write_job(tmp_path / name, "branch", {"play": taught}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    live(cut, segment=2)
    assert digest(cut) == digest(whole)
    said = [row for row in rows(whole, "00-play.0/events.csv") if row["event"] == "lesson"]
    seeds = {row["seed"] for row in said}
    assert len(seeds) > 1 and len(said) == 2 * len(seeds)
    for seed in seeds:  # ten yields of twelve updates, in each of which two copies begin four episodes
        own = [(int(row["update"]), row["detail"]) for row in said if row["seed"] == seed]
        assert own == [(12, "door=5 x10"), (72, "door=7 x8")]


def test_a_finished_job_is_left_as_it_is_and_yields_its_learners(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"school": SCHOOL})
    live(folder)
    before = (folder / "artifacts" / "end.pt").stat().st_mtime_ns
    live(folder)
    assert (folder / "artifacts" / "end.pt").stat().st_mtime_ns == before
    network = learner(folder, 1)
    assert isinstance(network, nn.Module)
    assert network(torch.zeros(2, 28, 28, dtype=torch.uint8), "image_28x28", "digits").shape == (2, 10)
    with pytest.raises(ValueError, match="not 9"):
        learner(folder, 9)


def test_a_branch_goes_on_where_its_parent_ended(tmp_path: Path) -> None:
    """look + school in one job equals look, then school in a job of its own."""
    one = write_job(tmp_path / "one", "all", {"look": LOOK, "school": SCHOOL})
    live(one)
    first = write_job(tmp_path / "two", "first", {"look": LOOK}, others={"school": SCHOOL})
    second = write_job(
        tmp_path / "two", "second", {"school": SCHOOL}, parent="jobs/first/block", others={"look": LOOK}, first=1
    )
    live(first)
    live(second)
    assert digest(one) == {**digest(first), **digest(second)}


def test_a_damaged_artifact_is_not_built_upon(tmp_path: Path) -> None:
    first = write_job(tmp_path, "first", {"look": LOOK}, others={"school": SCHOOL})
    live(first)
    path = first / "artifacts" / "end.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    second = write_job(
        tmp_path, "second", {"school": SCHOOL}, parent="jobs/first/block", others={"look": LOOK}, first=1
    )
    with pytest.raises(ValueError, match="damaged"):
        live(second)


def test_the_ledger_is_cumulative_and_counts_what_was_declared(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"look": LOOK, "school": SCHOOL, "play": PLAY})
    live(folder)
    last = rows(folder, "02-play.0/train.csv")[-1]
    assert int(last["images"]) == 12 * 8 + 12 * 10
    assert int(last["labels"]) == 50
    assert float(last["label_bits"]) == pytest.approx(50 * 3.321928, rel=1e-6)
    assert int(last["env_steps"]) == 200
    assert int(last["updates"]) == 12 + 12 + 5 * 12
    flops = [int(rows(folder, f"{name}/train.csv")[-1]["flops"]) for name in ("00-look.0", "01-school.0", "02-play.0")]
    # school: 784-16-12-10, forward 2 B (784 16 + 16 12 + 12 10), backward twice that less the input's gradient
    layers = (784 * 16, 16 * 12, 12 * 10)
    assert flops[1] - flops[0] == 12 * 2 * 10 * (3 * sum(layers) - layers[0])


def test_a_gate_lets_learners_move_on_one_by_one(tmp_path: Path) -> None:
    gate = {"probe": "digits", "at_least": 0.45, "min_updates": 8}
    school = {**SCHOOL, "labels": "all", "batch": 32, "updates": 200, "lr": 3e-3, "until": gate}
    folder = write_job(tmp_path, "branch", {"school": school})
    live(folder)
    ends = {row["seed"]: row for row in rows(folder, "00-school.0/events.csv") if row["event"] in ("passed", "budget")}
    assert {row["event"] for row in ends.values()} == {"passed"}
    assert len({row["update"] for row in ends.values()}) > 1
    assert all(8 <= int(row["update"]) < 200 for row in ends.values())
    measured = rows(folder, "00-school.0/probes.csv")
    for seed, end in ends.items():
        own = [row for row in measured if row["seed"] == seed and row["metric"] == "accuracy"]
        way = [row for row in own if row["moment"] == "every"]
        assert float(way[-1]["value"]) >= 0.45
        assert all(float(row["value"]) < 0.45 for row in way[:-1] if int(row["update"]) >= 8)
        assert own[-1]["moment"] == "end"
        assert own[-1]["update"] == end["update"] == way[-1]["update"]
    train = rows(folder, "00-school.0/train.csv")
    assert max(int(row["images"]) for row in train if row["seed"] == "0") == int(ends["0"]["update"]) * 32


def test_a_held_learner_is_what_it_was_when_it_passed(tmp_path: Path) -> None:
    """The learner that passes first has the weights it would have if everybody had stopped then."""
    gate = {"probe": "digits", "at_least": 0.45, "min_updates": 8}
    school = {**SCHOOL, "labels": "all", "batch": 32, "updates": 200, "lr": 3e-3}
    gated = write_job(tmp_path / "gated", "branch", {"school": {**school, "until": gate}})
    live(gated)
    ends = {int(r["seed"]): int(r["update"]) for r in rows(gated, "00-school.0/events.csv") if r["event"] == "passed"}
    first = min(ends, key=lambda seed: ends[seed])
    short = write_job(tmp_path / "short", "branch", {"school": {**school, "updates": ends[first]}})
    live(short)
    a, b = (checkpoint.load(folder / "artifacts" / "end.pt")["brain"] for folder in (gated, short))
    assert all(torch.equal(a[name][first], b[name][first]) for name in a)


def test_a_total_gives_what_a_gate_left_over_to_the_last_stage(tmp_path: Path) -> None:
    gate = {"probe": "digits", "at_least": 0.45, "min_updates": 8}
    first = {**SCHOOL, "labels": "all", "batch": 32, "updates": 100, "lr": 3e-3, "until": gate}
    folder = write_job(tmp_path, "branch", {"first": first, "last": {**SCHOOL, "total": ["updates", 120]}})
    live(folder)
    ends = {row["seed"]: row for row in rows(folder, "01-last.0/train.csv")}
    assert {row["updates"] for row in ends.values()} == {"120"}
    assert len({row["update"] for row in ends.values()}) > 1


@stage("test.explodes")
class Explodes(Stage):
    """Sets learner 1 to NaN at its third update, and learner 2 in its ``begin`` when asked."""

    metrics = ("loss",)

    def needs(self) -> Any:
        return needs_of(make("school"))

    def cost(self, brain: nn.Module) -> Cost:
        return Cost(updates=1, images=1)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser = Optimiser(cohort, state["moments"], "sgd", 0.1)
        while True:
            cohort.updates += 1
            optimiser.step()
            if state["done"] == 2:
                for weights in cohort.parameters().values():
                    weights[1] = torch.nan
            state["done"] += 1
            yield {"loss": torch.zeros(cohort.n)}


def test_a_diverged_learner_is_held_recorded_and_kept_in_the_records(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"bang": {"kind": "test.explodes", "updates": 8}, "school": SCHOOL})
    live(folder)
    events = rows(folder, "00-bang.0/events.csv")
    assert [(row["seed"], row["update"]) for row in events if row["event"] == "diverged"] == [("1", "3")]
    assert [row["seed"] for row in rows(folder, "01-school.0/events.csv") if row["event"] == "held"] == ["1"]
    ends = [row for row in rows(folder, "01-school.0/probes.csv") if row["moment"] == "end"]
    values = {row["seed"]: float(row["value"]) for row in ends if row["metric"] == "accuracy"}
    assert values["1"] != values["1"]  # nan: the evidence counts it as the probe's worst
    assert values["0"] > 0.2
    assert {row["seed"] for row in rows(folder, "01-school.0/train.csv")} == {"0", "2"}


def test_where_to_look_is_to_wait_a_diverged_learner_is_found_by_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit_runner, "looks_every", lambda device: 5)
    for every, found in ((100, "5"), (4, "4")):  # a probe looks too
        probes = {"digits": {**DIGITS, "every": every}}
        folder = write_job(tmp_path / found, "branch", {"bang": {"kind": "test.explodes", "updates": 7}}, probes)
        live(folder)
        events = rows(folder, "00-bang.0/events.csv")
        assert [(row["seed"], row["update"]) for row in events if row["event"] == "diverged"] == [("1", found)]
    assert [looks_every(torch.device(kind)) for kind in ("cpu", "cuda")] == [1, 16]


@probe("test.touches")
class Touches(Probe):
    """A probe that writes, which no probe may."""

    metrics: ClassVar = {"value": Metric("higher", 0.0)}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        next(iter(cohort.parameters().values()))[0] += 1e-3
        return Measurement({"value": torch.zeros(cohort.n)})


def test_a_probe_that_changes_the_learners_is_caught(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"school": SCHOOL}, probes={"bad": {"kind": "test.touches"}})
    with pytest.raises(RuntimeError, match=r"'bad'.*changed the learners"):
        live(folder)


def test_probes_change_nothing_in_training(tmp_path: Path) -> None:
    probed = write_job(tmp_path / "a", "branch", {"look": LOOK, "play": PLAY})
    bare = write_job(tmp_path / "b", "branch", {"look": LOOK, "play": PLAY}, probes={}, others={"school": SCHOOL})
    live(probed)
    live(bare)
    a, b = (checkpoint.load(folder / "artifacts" / "end.pt")["brain"] for folder in (probed, bare))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_optimiser_goes_on_only_where_a_stage_says_so(tmp_path: Path) -> None:
    half, whole = {**SCHOOL, "updates": 6}, {**SCHOOL, "updates": 12}
    ends = {}
    for name, second in {"fresh": half, "continued": {**half, "optimiser": "continue"}}.items():
        folder = write_job(tmp_path / name, "branch", {"school": half, "again": second})
        live(folder)
        ends[name] = checkpoint.load(folder / "artifacts" / "end.pt")
    assert set(ends["continued"]["inherited"]["steps"].values()) == {12}
    assert set(ends["fresh"]["inherited"]["steps"].values()) == {6}
    assert whole["updates"] == 12
    first = {**SCHOOL, "optimiser": "continue"}
    with pytest.raises(JobFailed, match="needs a stage before it"):
        live(write_job(tmp_path / "none", "branch", {"school": first}))


def test_a_failure_names_the_stage_the_arm_and_the_seeds(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"play": {**PLAY, "env_kwargs": {"no_such_argument": 1}}})
    with pytest.raises(Exception, match="no_such_argument"):
        live(folder)


def test_a_probe_that_fails_at_a_stages_end_is_told_of_that_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*arguments: Any) -> None:
        raise ValueError("no light")

    monkeypatch.setattr("devlearn.runs.engine.visit_runner.measure", measure)
    with pytest.raises(JobFailed, match=r"stage 'school' .*, update 6, of arm, seeds 0, 1, 2: ValueError: no light"):
        live(write_job(tmp_path, "branch", {"school": {**SCHOOL, "updates": 6}}, probes={}))


@pytest.mark.parametrize(("split", "count"), [("mnist.test", 10_000), ("mnist.second", 5_000)])
def test_a_stage_can_not_read_a_test_split_and_a_probe_can(split: str, count: int) -> None:
    context = Context((0,), "cheat", 0, torch.device("cpu"), 1)
    with pytest.raises(ValueError, match=f"may not read {split}"):
        context.data(split)
    assert len(dataclasses.replace(context, measuring=True).data(split)) == count


def test_another_version_or_job_is_refused(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"look": LOOK, "school": SCHOOL})
    killed_after(folder, 1, segment=3)
    spec = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**spec, "digest": "another"}))
    with pytest.raises(ValueError, match="another job"):
        live(folder)
    (folder / "job.json").write_text(json.dumps({**spec, "format": 0}))
    with pytest.raises(
        EvidenceError, match="its job files have format 0, and this devlearn writes 1; go on with the devlearn"
    ):
        live(folder)
    (folder / "job.json").write_text(json.dumps({**spec, "records": 3}))
    with pytest.raises(EvidenceError, match="its records have format 3, and this devlearn writes 2; update devlearn"):
        live(folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without a disk that is always full")
def test_a_full_disk_is_told_as_one() -> None:
    with pytest.raises(OSError, match="No space left on device"), Path("/dev/full").open("wb", buffering=0) as file:
        checkpoint.write({"a": torch.zeros(100_000)}, file)


@pytest.mark.parametrize(
    ("harm", "goes_on"),
    [
        (lambda content: content[:-2], "from 00000000.pt"),  # the last line came after the checkpoint before
        (lambda content: content[:50], "from its beginning"),
        (lambda content: content.replace(b"0.", b"1.", 1), "from its beginning"),
    ],
    ids=["cut at its end", "cut", "changed"],
)
def test_records_that_were_changed_are_not_built_upon(
    tmp_path: Path, harm: Callable[[bytes], bytes], goes_on: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", {"look": LOOK, "school": SCHOOL}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    train = cut / "records" / "00-look.0" / "train.csv"
    train.write_bytes(harm(train.read_bytes()))
    live(cut)
    assert digest(cut) == digest(whole)
    said = capsys.readouterr().err
    assert f"does not fit {train}, which is not what it was then" in said and goes_on in said


def test_brain_is_the_same_whatever_the_order_of_stages(tmp_path: Path) -> None:
    a = write_job(tmp_path / "a", "branch", {"look": LOOK}, others={"school": SCHOOL, "play": PLAY}, brain=BRAIN)
    b = write_job(tmp_path / "b", "branch", {"look": LOOK}, others={"play": PLAY, "school": SCHOOL}, brain=BRAIN)
    first, second = Job.read(a).cohort().state(), Job.read(b).cohort().state()
    assert all(torch.equal(first[name], second[name]) for name in first)
