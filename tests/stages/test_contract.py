"""The contract of a stage: all of ours are final and say what they are; and names of the version before still work."""

import ast
import inspect
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

import devlearn
from devlearn import registry
from devlearn.learners.brains.needs import Needs
from devlearn.stages import stage as stages
from devlearn.stages.stage import Cost, Role, Stage
from tests.shipped import shipped

OURS = {name: registry.get("stages", name) for name in shipped("stages")}
FOLDER = Path(stages.__file__).parent


@pytest.mark.parametrize("kind", OURS)
def test_a_stage_derives_from_the_contract_alone_and_nothing_from_it(kind: str) -> None:
    cls = OURS[kind]
    assert cls.__bases__ == (Stage,)
    assert cls.__final__  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", OURS)
def test_a_stage_says_itself_what_it_is_and_which_keys_it_has(kind: str) -> None:
    cls = OURS[kind]
    assert vars(cls)["role"] in get_args(Role)
    assert (cls.role == "control") == (cls.control is not None or kind == "innate.scramble")
    assert set(cls.model_fields) == set(Stage.model_fields) | {
        key for key in inspect.get_annotations(cls) if key != "renamed"
    }
    assert {"needs", "cost", "begin", "segment"} <= vars(cls).keys()


def test_immutable_keys_are_keys() -> None:
    for kind, cls in OURS.items():
        if "immutable_keys" in vars(cls):
            assert set(cls.immutable_keys) <= set(cls.model_fields), kind


# ---- names of the version before ---------------------------------------------------------------------------------


def old_stage() -> type[Stage]:
    class Old(Stage):
        draws = ("order",)
        fixed = (*Stage.fixed, "depth")

        depth: int = 3

        def needs(self) -> Needs:
            return Needs()

        def work(self, brain: Any) -> Cost:
            return Cost(updates=self.depth)

        def leaves(self, brain: Any) -> tuple[str, ...]:
            return ("some.weight",)

        def kin(self, seed: int) -> tuple[str, ...]:
            return (f"life {seed}",)

    return Old


def test_a_stage_in_old_words_is_told_the_new_ones_and_works() -> None:
    with pytest.warns(DeprecationWarning) as caught:
        old = old_stage()
    told = [str(warning.message) for warning in caught]
    for name, new in {
        "draws": "stream_names",
        "fixed": "immutable_keys",
        "work": "cost",
        "leaves": "not_inherited",
        "kin": "origin_ids",
    }.items():
        assert any(f"{name!r} of a stage is called {new!r} since 0.2" in text for text in told), name
    made = old(depth=5)
    assert old.stream_names == ("order",)
    assert old.immutable_keys == (*Stage.immutable_keys, "depth")
    assert made.cost(None).updates == 5  # type: ignore[arg-type]
    assert made.not_inherited(None) == ("some.weight",)  # type: ignore[arg-type]
    assert made.origin_ids(7) == ("life 7",)


def test_work_is_cost_wherever_it_was_imported_from() -> None:
    for place in (stages, devlearn):
        with pytest.warns(DeprecationWarning, match="Work is called Cost since 0.2"):
            assert place.Work is Cost


def test_a_stage_in_new_words_is_told_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class New(Stage):
            role = "pretrain"
            stream_names = ("order",)

            def cost(self, brain: Any) -> Cost:
                return Cost()

        assert New().cost(None) == Cost()  # type: ignore[arg-type]


# ---- no torch before it is needed --------------------------------------------------------------------------------


def loaded(code: ast.Module) -> Iterator[str]:
    """The modules that a file imports when it is imported itself: not under TYPE_CHECKING, in no function."""
    for node in code.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_stage_is_declared_without_torch(path: Path) -> None:
    names = set(loaded(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name for name in names if name.split(".")[0] == "torch"}


# ---- keys by their names of the version before -------------------------------------------------------------------

REACH = {"env": "devlearn/DigitReach-v0", "env_steps": 100}


@pytest.mark.parametrize("kind", [kind for kind, cls in OURS.items() if cls.renamed])
def test_a_file_with_old_keys_gives_the_same_stage(kind: str) -> None:
    cls = OURS[kind]
    made = cls(**REACH, num_envs=2, env_kwargs={"reach": 3})
    own = made.model_dump(mode="json")
    old = {next((old for old, new in cls.renamed.items() if new == key), key): value for key, value in own.items()}
    assert not set(old) & set(cls.renamed.values())
    assert cls(**old) == made
    assert set(cls.renamed.values()) <= set(cls.model_fields)
    text = json.dumps({**old, "change": [{"from": 1, "until": None, "set": {"lr": 0.1}}]})
    assert cls.model_validate_json(text, strict=True).num_envs == 2
    with pytest.raises(ValidationError, match="copies"):
        cls(**REACH, num_envs=2, copies=2)


def test_a_change_with_an_old_key_is_a_change_of_the_new_one() -> None:
    """``gae_lambda`` may change on the way; a job that was written before calls it ``lam``."""
    ppo = OURS["trial.ppo"]
    changes = [{"from": 1, "set": {"lam": 0.5}}]
    stage = ppo(**REACH, change=changes)
    assert stage.with_change(stage.change[0]).gae_lambda == 0.5
