"""The laws of stages and probes on images of other shapes: colour 12 x 10 with three classes, grey 8 x 8 with four."""

from collections import Counter
from typing import Any

import pytest
import torch

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.registry import get
from devlearn.stages.innate.scramble import Scramble
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.stage import Stage
from devlearn.tasks.data import load, source_named
from devlearn.testing import assert_ok, check_data, check_probe, check_stage
from tests.laws.rows import BRAIN, BRAINS, STAGES, context_for, keys_of, live, measure

SETS = {"colour": "tests.synthetic:Colour", "small": "tests.synthetic:Small"}
CONV = {"kind": "conv", "channels": [3], "width": [8]}
CPU = torch.device("cpu")
OTHER_KEYS: dict[str, dict[str, Any]] = {
    "masked": {"patch": 2},
    "masked-sham": {"patch": 2},
    "look-sham": {},
}


def on(row: str, name: str) -> dict[str, Any] | None:
    """A row's keys on another data set; None where the stage looks at none."""
    fields, keys = get("stages", STAGES[row][0]).model_fields, keys_of(row)
    if "data" in fields:
        return {**keys, **OTHER_KEYS.get(row, {}), "data": f"{name}.train"}
    return {**keys, "sense": name} if "sense" in fields else None


ROWS = [row for row in sorted(STAGES) if on(row, SETS["small"]) is not None]


def test_every_stage_that_looks_at_images_says_whose() -> None:
    """What is left out acts on weights alone, or plays."""
    left = {STAGES[row][0] for row in STAGES if row not in ROWS}
    assert left == {
        *(f"innate.{kind}" for kind in ("shuffle", "moments", "rescale", "spectrum", "fresh_head", "inherit")),
        *("trial.ppo", "trial.dqn", "trial.sac", "pretrain.predict"),
        *("imitate.clone", "imitate.dagger", "imitate.observe", "innate.reflex", "innate.evolve_reflex"),
        "caregiver.judge",
    }


@pytest.mark.parametrize("name", list(SETS.values()), ids=list(SETS))
def test_the_synthetic_data_keep_the_laws_themselves(name: str) -> None:
    assert_ok(check_data(name))


def _kept() -> list[Any]:
    """Every kind on both data sets, its rows by turns where it has several; all others are left to the long studies."""
    cases, turns = [], Counter[str]()
    for row in ROWS:
        kind = STAGES[row][0]
        alone = sum(STAGES[other][0] == kind for other in ROWS) == 1
        for place, (name, source) in enumerate(SETS.items()):
            marks = [] if alone or turns[kind] % len(SETS) == place else [pytest.mark.slow]
            cases.append(pytest.param(row, source, marks=marks, id=f"{name}-{row}"))
        turns[kind] += 1
    return cases


@pytest.mark.parametrize(("row", "name"), _kept())
def test_a_stage_keeps_the_laws_on_other_images(row: str, name: str) -> None:
    assert_ok(check_stage(STAGES[row][0], on(row, name), BRAINS.get(row, BRAIN)))


@pytest.mark.parametrize("row", ["waves", "neighbours", "gabor", "mimetic", "look", "contrast", "cluster", "scramble"])
def test_a_convolution_takes_other_images_too(row: str) -> None:
    for name in SETS.values():
        stage: Stage = get("stages", STAGES[row][0])(**(on(row, name) or {}))
        found = Cohort(brain_builder(CONV, stage.needs()), (0, 1))
        _, metrics = live(stage, found, 2)
        assert all(value.isfinite().all() for said in metrics for value in said.values())


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("accuracy", {"quick": 20, "shift": 2}),
        ("layers", {"fit_images": 30, "quick": 20}),
        ("neighbours", {"fit_images": 30, "quick": 20}),
        ("clustering", {"fit_images": 30, "quick": 20, "restarts": 2}),
        ("plasticity", {"images": 30, "updates": 3, "batch": 10, "task": "permuted"}),
    ],
)
@pytest.mark.parametrize("name", list(SETS.values()), ids=list(SETS))
def test_a_probe_keeps_the_laws_on_other_images(kind: str, keys: dict[str, Any], name: str) -> None:
    assert_ok(check_probe(kind, {**keys, "data": f"{name}.test"}))
    found = get("probes", kind)(**keys, data=f"{name}.test")
    assert found.metrics_here()[next(iter(found.metrics))].chance == 1 / source_named(name).classes


@pytest.mark.parametrize("kind", ["fields", "alignment"])
@pytest.mark.parametrize("name", list(SETS.values()), ids=list(SETS))
def test_a_probe_of_weights_keeps_the_laws_on_another_sense(kind: str, name: str) -> None:
    assert_ok(check_probe(kind, {"sense": name}))


@pytest.mark.parametrize("name", list(SETS.values()), ids=list(SETS))
def test_signs_of_a_worn_network_are_read_off_other_images(name: str) -> None:
    assert_ok(check_probe("network_health", {"data": f"{name}.test", "images": 30, "steps": 2}))


@pytest.mark.parametrize("name", list(SETS.values()), ids=list(SETS))
def test_school_on_other_images_is_learned(name: str) -> None:
    """All eight learners: far above chance on images that were never seen."""
    stage = get("stages", "supervise")(data=f"{name}.train", updates=60, batch=32, lr=3e-3)
    found = Cohort(brain_builder({"kind": "mlp", "width": [32]}, stage.needs()), tuple(range(8)))
    live(stage, found, 60)
    accuracy = measure(get("probes", "accuracy")(data=f"{name}.test"), found, full=True).values["accuracy"]
    assert (accuracy > 1 / source_named(name).classes + 0.3).all()


def test_data_sets_of_several_shapes_are_learned_side_by_side() -> None:
    """Each has its sense and its read-out; a learner of one leaves those of the other alone."""
    batches = {name: LabelledBatches(f"{name}.train", 20, 8) for name in (*SETS.values(), "mnist", "digits")}
    needs = Needs()
    for labelled in batches.values():
        needs |= labelled.needs
    assert set(needs.senses) == {"image_12x10x3", "image_8x8", "image_28x28"}
    assert {name: head.size for name, head in needs.heads.items()} == {
        "Colour": 3,
        "Small": 4,
        "digits": 10,
        "digits_8x8": 10,
    }
    found = Cohort(brain_builder({"kind": "mlp", "width": [12]}, needs), (0, 1))
    before = {key: value.clone() for key, value in found.parameters().items()}
    stage = get("stages", "supervise")(data="digits.train", labels=20, batch=8, updates=1)
    live(stage, found, 1)
    changed = {key for key, value in found.parameters().items() if not torch.equal(value, before[key])}
    assert changed and all("image_8x8" in key or "digits_8x8" in key for key in changed)
    assert batches["mnist"].objective == CrossEntropy("image_28x28", "digits")


def test_scrambling_one_sense_leaves_another_and_keeps_colours_together() -> None:
    stage = Scramble(sense=SETS["colour"])
    needs = stage.needs() | Scramble(sense="mnist").needs()
    found = Cohort(brain_builder({"kind": "mlp", "width": [6]}, needs), (0, 1, 2))
    live(stage, found, 1)
    colour, grey = (found.buffers[f"body.senses.{sense}.wiring"] for sense in ("image_12x10x3", "image_28x28"))
    assert torch.equal(grey, torch.arange(784).expand(3, -1))
    assert torch.equal(colour.sort(1).values, torch.arange(360).expand(3, -1))
    places = colour.view(3, 120, 3)
    assert torch.equal(places % 3, torch.arange(3).expand(3, 120, 3))
    assert (places // 3 == places[..., :1] // 3).all() and not torch.equal(places[0], places[1])


def test_what_is_masked_or_blanked_is_so_in_all_colours() -> None:
    for kind, keys in (("pretrain.denoise", {}), ("pretrain.mask", {"patch": 2})):
        stage = get("stages", kind)(data=f"{SETS['colour']}.train", batch=6, updates=1, **keys)
        batch = next(iter(stage.minibatches(context_for((0, 1)), 0)))
        gone = (batch["images"] == 0) & (batch["targets"] > 0)
        kept = (batch["images"] == batch["targets"]).all(-1)
        assert batch["images"].shape == (2, 6, 12, 10, 3)
        assert (gone.any(-1) ^ kept)[batch["targets"].amin(-1) > 0].all()


def test_a_colour_image_is_shifted_blurred_and_deformed_colour_by_colour() -> None:
    from devlearn.streams import streams
    from devlearn.tasks.data.augment import Views, warped
    from devlearn.tasks.data.blur import blurred
    from devlearn.tasks.data.shift import shifted

    images = load(f"{SETS['colour']}.train", CPU).images
    for alter in (lambda x: blurred(x, 1.5), lambda x: shifted(x, 2, "x")):
        whole = alter(images)
        assert all(torch.equal(whole[..., k], alter(images[..., k].contiguous())) for k in range(3))
    how = Views.model_validate({}).draw(streams((0,), "views"), len(images))[0]
    apart = torch.stack([warped(images[..., k].contiguous(), how) for k in range(3)], -1)
    torch.testing.assert_close(warped(images, how), apart, rtol=0, atol=1e-3)


def test_what_does_not_fit_an_image_is_refused_with_the_mend() -> None:
    small = f"{SETS['small']}.train"
    for kind, keys, said in (
        ("pretrain.mask", {"patch": 3}, "use 1 or 2 or 4"),
        ("supervise", {"shift": 8}, "less than or equal to 7"),
        ("supervise", {"blur": 9.0}, "less than or equal to 8"),
        ("supervise", {"labels": 3}, "greater than or equal to 4"),
        ("supervise", {"labels": 145}, "at most 144 of its 144"),
    ):
        with pytest.raises(ValueError, match=said):
            get("stages", kind)(data=small, updates=1, **keys)
