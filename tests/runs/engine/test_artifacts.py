"""What a stage takes from another arm: the learner of its own seed, bit for bit, through kills, or nobody at all."""

from pathlib import Path
from typing import Any

import pytest
import torch

from devlearn.records.layout import JobFolder
from devlearn.runs.engine import checkpoint, live
from devlearn.runs.engine.job import Job
from tests.runs.engine.jobs import digest, killed_after, rows, write_job

PLAY = {"kind": "trial.ppo", "env": "CartPole-v1", "env_steps": 512, "num_envs": 2, "rollout": 64, "lr": 1e-2}
COPY: dict[str, Any] = {
    "kind": "imitate.clone",
    "env": "CartPole-v1",
    "of": {"arm": "expert", "stage": "play"},
    "env_steps": 400,
    "num_envs": 2,
    "rollout": 20,
    "minibatches": 4,
    "lr": 1e-2,
}
OF = {"arm": "expert", "stage": "play", "what": "learner"}
RETURN = {"pole": {"kind": "return", "env": "CartPole-v1", "episodes": 2, "limit": 60, "worst": 0}}


def expert(run: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> str:
    """The folder, in its run, of a giver that has been lived."""
    folder = write_job(run, "expert", {"play": PLAY}, RETURN, seeds)
    live(folder)
    return folder.relative_to(run).as_posix()


def heir(run: Path, giver: str, name: str = "heir", copy: dict[str, Any] = COPY, **more: Any) -> Path:
    seeds = more.pop("seeds", (0, 1, 2))
    return write_job(run, name, {"copy": copy}, RETURN, seeds, givers=[{**OF, "folder": giver}], **more)


def end(folder: Path) -> dict[str, Any]:
    return checkpoint.load_artifact(JobFolder(folder).end)


@pytest.mark.parametrize("kind", ["imitate.clone", "imitate.dagger"])
def test_what_is_copied_is_what_the_learner_of_the_same_seed_finds_likeliest(tmp_path: Path, kind: str) -> None:
    giver = expert(tmp_path)
    folder = heir(tmp_path, giver, copy={**COPY, "kind": kind, "env_steps": 200})
    killed_after(folder, 1, segment=2)
    shown = checkpoint.load_last(JobFolder(folder).checkpoints)
    assert shown is not None
    seen, told = (shown["state"]["shown"][name] for name in ("observations", "actions"))
    experts = Job.read(tmp_path / giver).cohort()
    experts.load(end(tmp_path / giver)["brain"])
    likeliest = experts(seen, "CartPole_v1", "actor_CartPole_v1").argmax(-1)
    assert torch.equal(told, likeliest)
    others = experts(seen.roll(1, 0), "CartPole_v1", "actor_CartPole_v1").argmax(-1).roll(-1, 0)
    assert not torch.equal(told, others), "another seed's would have done otherwise"


OBSERVE = {**COPY, "kind": "imitate.observe", "observed": 40, "play": 40, "rollout": 10, "model_updates": 5}


@pytest.mark.parametrize("copy", [COPY, {**COPY, "kind": "imitate.dagger"}, OBSERVE], ids=lambda copy: copy["kind"])
def test_a_killed_heir_ends_as_if_nothing_had_been(tmp_path: Path, copy: dict[str, Any]) -> None:
    giver = expert(tmp_path)
    whole, cut = (heir(tmp_path, giver, name, copy) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    live(cut)
    assert digest(cut) == digest(whole)


WAVE = {"kind": "innate.reflex", "env": "Pendulum-v1", "oscillator": {"amplitude": 0.8, "seconds": 0.05}}
SWING = {**COPY, "env": "Pendulum-v1", "of": {"arm": "expert", "stage": "wave"}}


def test_a_demonstrators_reflex_goes_on_where_it_was(tmp_path: Path) -> None:
    """It has learned nothing, so all that it does is a wave, whose phase a kill must not touch."""
    giver = write_job(tmp_path, "expert", {"wave": WAVE}, {}, others={"copy": SWING})
    live(giver)
    of = [{"arm": "expert", "stage": "wave", "what": "learner", "folder": giver.relative_to(tmp_path).as_posix()}]
    whole, cut, shown = (
        write_job(tmp_path, name, {"copy": SWING}, {}, others={"wave": WAVE}, givers=of)
        for name in ("whole", "cut", "shown")
    )
    live(whole)
    killed_after(cut, 2, segment=3)
    live(cut)
    assert digest(cut) == digest(whole)
    killed_after(shown, 2, segment=2)
    content = checkpoint.load_last(JobFolder(shown).checkpoints)
    assert content is not None
    told = content["state"]["shown"]["actions"].unflatten(1, (-1, 2))[..., 0]  # (N, T, E)
    assert told.shape[1] == 80, "in four rollouts"
    wave = 0.8 * torch.sin(2 * torch.pi * 0.05 * torch.arange(80))
    torch.testing.assert_close(told, wave[None, :, None].expand_as(told), rtol=1e-4, atol=1e-4)


def test_an_heir_does_not_depend_on_who_else_is_in_its_block(tmp_path: Path) -> None:
    together = heir(tmp_path / "three", expert(tmp_path / "three"))
    alone = heir(tmp_path / "one", expert(tmp_path / "one", (1,)), seeds=(1,))
    for folder in (together, alone):
        live(folder)
    for name, tensor in end(alone)["brain"].items():
        torch.testing.assert_close(tensor[0], end(together)["brain"][name][1], rtol=1e-4, atol=1e-5)


def test_the_givers_life_is_on_record_beside_the_ledger(tmp_path: Path) -> None:
    giver = expert(tmp_path)
    folder = heir(tmp_path, giver)
    live(folder)
    last = rows(folder, "00-copy.0/train.csv")[-1]
    assert last["env_steps"] == "400", "its own, and what it was shown"
    spent = end(tmp_path / giver)["ledger"]
    assert int(last["giver_env_steps"]) == 512 == int(spent["env_steps"][0])
    assert int(last["giver_flops"]) == int(spent["flops"][0]) > 0
    assert int(last["giver_updates"]) == int(spent["updates"][0])


def diverged(run: Path, giver: str, row: int) -> None:
    """As if one of the giver's learners had diverged."""
    content = end(run / giver)
    content["diverged"][row] = True
    for tensor in content["brain"].values():
        if tensor.is_floating_point():
            tensor[row] = torch.nan
    checkpoint.save_artifact(JobFolder(run / giver).end, content)


def test_who_takes_from_a_learner_that_diverged_is_unscored_and_the_others_are_not_touched(tmp_path: Path) -> None:
    folders = []
    for name in ("whole", "lost"):
        giver = expert(tmp_path / name)
        if name == "lost":
            diverged(tmp_path / name, giver, 1)
        folders.append(heir(tmp_path / name, giver))
        live(folders[-1])
    events = [(row["seed"], row["event"], row["detail"]) for row in rows(folders[1], "00-copy.0/events.csv")]
    assert ("1", "unscored", "arm 'expert' after 'play' had diverged") in events
    assert [row for row in events if row[1] == "unscored"] == [events[3]]
    tables = [[row for row in rows(folder, "00-copy.0/train.csv") if row["seed"] != "1"] for folder in folders]
    assert tables[0] == tables[1]
    assert [row["update"] for row in rows(folders[1], "00-copy.0/train.csv") if row["seed"] == "1"] == ["0"]
    assert end(folders[1])["diverged"].tolist() == [False, True, False], "nor is whoever takes from it scored"


def test_a_giver_that_was_changed_or_is_of_other_seeds_is_refused(tmp_path: Path) -> None:
    giver = expert(tmp_path)
    with pytest.raises(ValueError, match=r"holds the seeds \[0, 1, 2\], not \[0, 1\]"):
        live(heir(tmp_path, giver, "fewer", seeds=(0, 1)))
    path = JobFolder(tmp_path / giver).end
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="damaged"):
        live(heir(tmp_path, giver))
