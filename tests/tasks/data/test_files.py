"""Data sets in files: what is read, what is held out, and what is wrong is said at its place, with the mend."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from devlearn.registry import get
from devlearn.tasks.data import BadData, check_split, class_counts, load, places, size, source_of, splits, valid_of
from devlearn.tasks.data.files import file_digest
from devlearn.tasks.demonstrations.files import is_demonstrations
from devlearn.testing import assert_ok, check_data
from tests.commands import call

CPU = torch.device("cpu")
SCENARIO = """
devlearn: 1
scenario: own
seeds: 2
brain: {{kind: mlp, width: [8]}}
stages:
  look: {{kind: pretrain.denoise, data: {data}:train, updates: 2, batch: 8}}
  school: {{kind: supervise, data: "{data}:train", labels: 12, updates: 2, batch: 8}}
arms: {{plain: [school], looked: [look, school]}}
probes: {{right: {{kind: accuracy, data: "{data}:test"}}}}
compare: {{probe: right, smallest_effect: 0.01, pairs: [[looked, plain]]}}
"""


def arrays(seed: int = 0, shape: tuple[int, ...] = (6, 5), classes: int = 3, **changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    found = {
        "train_images": rng.integers(0, 256, (30, *shape), dtype=np.uint8),
        "train_labels": np.arange(30) % classes,
        "test_images": rng.integers(0, 256, (9, *shape), dtype=np.uint8),
        "test_labels": np.arange(9) % classes,
    }
    return {name: array for name, array in {**found, **changed}.items() if array is not None}


def written(folder: Path, name: str = "own.npz", **changed: Any) -> str:
    np.savez(folder / name, **arrays(**changed))
    return str(folder / name)


def pictures(folder: Path, mode: str = "RGB", size: tuple[int, int] = (5, 6)) -> str:
    rng = np.random.default_rng(0)
    for part, many in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for number in range(many):
                shape = size[::-1] if mode == "L" else (*size[::-1], 3)
                picture = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
                picture.save(folder / part / name / f"{number}.png")
    return f"{folder}/"


def test_arrays_are_read_and_a_tenth_of_every_class_is_held_out(tmp_path: Path) -> None:
    name = written(tmp_path)
    train, valid, both, test = (load(f"{name}:{part}", CPU) for part in ("train", "valid", "train+valid", "test"))
    assert [len(split) for split in (train, valid, both, test)] == [27, 3, 30, 9]
    assert class_counts(f"{name}:train") == (9, 9, 9) and class_counts(f"{name}:valid") == (1, 1, 1)
    assert torch.equal(torch.cat([train.images, valid.images]), both.images)
    known = {bytes(image.numpy().tobytes()) for image in both.images}
    assert known == {image.tobytes() for image in arrays()["train_images"]}
    assert test.images.numpy().tolist() == arrays()["test_images"].tolist()
    assert places(f"{name}:valid") == (f"{name} train", 27) and places(f"{name}:test") == (f"{name} test", 0)
    assert valid_of(f"{name}:train") == f"{name}:valid"
    source = source_of(f"{name}:train")
    assert (source.name, source.sense_name, source.read_out) == ("own", "image_6x5", "own")
    assert splits(source)[0] == f"{name}:train"
    assert_ok(check_data(name))


def test_its_own_valid_part_is_kept_and_any_other_is_for_probes(tmp_path: Path) -> None:
    other = arrays(1)
    more = {"valid_images": other["test_images"], "valid_labels": other["test_labels"]}
    dim = {"dim_images": other["train_images"] // 2, "dim_labels": other["train_labels"]}
    name = written(tmp_path, **more, **dim)
    assert [size(f"{name}:{part}") for part in ("train", "valid", "dim", "test")] == [30, 9, 30, 9]
    (tmp_path / "own.yaml").write_text(SCENARIO.format(data="own.npz").replace(":train, up", ":dim, up"))
    result = call("check", "scenario", str(tmp_path / "own.yaml"))
    assert result.exit_code == 2 and f"a stage can't learn from {name}:dim: test images are for probes" in result.output


def test_a_folder_of_pictures_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    name = pictures(tmp_path / "pets")
    train, test = load(f"{name}:train+valid", CPU), load(f"{name}:test", CPU)
    assert train.images.shape == (20, 6, 5, 3) and test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    first = np.asarray(Image.open(tmp_path / "pets" / "test" / "cat" / "0.png"))
    assert np.array_equal(test.images[0].numpy(), first)
    assert source_of(f"{name}:train").read_out == "pets"
    grey = pictures(tmp_path / "grey", "L")
    assert load(f"{grey}:test", CPU).images.shape == (6, 6, 5)
    assert_ok(check_data(name))


@pytest.mark.parametrize(
    ("images", "same"),
    [
        (lambda x: x / 255, True),
        (lambda x: (x / 255).astype(np.float32), True),
        (lambda x: x.astype(np.int64), True),
        (lambda x: x[..., None], True),
        (lambda x: x > 100, False),
    ],
)
def test_other_numbers_become_bytes(tmp_path: Path, images: Callable[[Any], Any], same: bool) -> None:
    own = arrays()
    changed = {name: images(own[name]) for name in ("train_images", "test_images")}
    found = load(f"{written(tmp_path, **changed)}:test", CPU).images.numpy()
    wanted = own["test_images"] if same else (own["test_images"] > 100) * np.uint8(255)
    assert found.dtype == np.uint8 and np.array_equal(found, wanted)


IMAGES, LABELS = arrays()["train_images"], arrays()["train_labels"]
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no test": ({"test_images": None, "test_labels": None}, "has no array 'test_images'"),
    "another name": ({"train_images": None, "train_image": IMAGES}, "has no array 'train_images'"),
    "half a part": ({"dim_images": IMAGES}, "has dim_images and no dim_labels"),
    "objects": ({"train_labels": np.array([object()] * 30)}, "it holds Python objects; save it as an array of numbers"),
    "gap": ({"train_labels": np.where(LABELS == 1, 5, LABELS)}, "classes are numbered from 0: save numpy.unique"),
    "negative": ({"train_labels": LABELS - 1}, "goes from -1 to 1; classes are numbered from 0"),
    "unknown": ({"test_labels": np.arange(9) % 4}, "test_labels has 3, and train has classes 0 to 2"),
    "one class": ({"train_labels": LABELS * 0, "test_labels": np.zeros(9, int)}, "two classes at least are needed"),
    "one-hot": ({"train_labels": np.eye(3)[LABELS]}, "save labels.argmax(1)"),
    "column": ({"train_labels": LABELS[:, None]}, "save labels.ravel()"),
    "not whole": ({"train_labels": LABELS / 1}, "save labels.astype(int)"),
    "empty": ({"test_images": IMAGES[:0], "test_labels": LABELS[:0]}, "test_labels is empty"),
    "too bright": ({"train_images": IMAGES / 100}, "floats are 0..1"),
    "not finite": ({"train_images": np.full(IMAGES.shape, np.nan)}, "numbers that are not finite"),
    "large": ({"train_images": IMAGES.astype(int) * 2}, "whole numbers are 0..255"),
    "lengths": ({"train_images": IMAGES[:20]}, "has 20 images, and train_labels 30; both have to be as many"),
    "channels first": ({"train_images": np.zeros((30, 3, 6, 5), np.uint8)}, "save images.transpose(0, 2, 3, 1)"),
    "flat": ({"train_images": IMAGES.reshape(30, -1)}, "save images.reshape(len(images), H, W)"),
    "two shapes": ({"test_images": np.zeros((9, 5, 5), np.uint8)}, "images of 5 x 5, and train has images of 6 x 5"),
    "strings": ({"train_images": np.full(IMAGES.shape, "a")}, "brightness is a number"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_what_is_wrong_is_told_by_check_scenario_at_its_place(tmp_path: Path, case: str) -> None:
    changed, said = BROKEN[case]
    written(tmp_path, **changed)
    (tmp_path / "own.yaml").write_text(SCENARIO.format(data="own.npz"))
    result = call("check", "scenario", str(tmp_path / "own.yaml"))
    assert result.exit_code == 2, result.output
    assert said in result.output and "own.yaml:7:" in result.output and str(tmp_path / "own.npz") in result.output


def test_pictures_that_do_not_fit_are_named(tmp_path: Path) -> None:
    numbers = count()

    def refused(change: Callable[[Path], object], said: str) -> None:
        folder = tmp_path / f"pets{next(numbers)}"
        name = pictures(folder)
        change(folder)
        with pytest.raises(BadData, match=said):
            check_split(f"{name}:train")

    def other(size: tuple[int, int], mode: str = "RGB") -> Callable[[Path], object]:
        return lambda folder: Image.new(mode, size).save(folder / "train" / "dog" / "3.png")

    refused(other((7, 6)), r"train/dog/3.png is 6 x 7 x 3, and .*cat/0.png is 6 x 5 x 3 .*make all pictures alike")
    refused(other((5, 6), "L"), "make all pictures alike")
    refused(other((5, 6), "RGBA"), r"3.png is a picture of mode RGBA; save it in grey \(L\) or in colour \(RGB\)")
    refused(lambda folder: (folder / "train" / "dog" / "3.png").write_text("no"), "3.png is no picture")
    refused(lambda folder: [file.unlink() for file in (folder / "test" / "dog").iterdir()], "test/dog holds no picture")
    refused(lambda folder: (folder / "train" / "eel").mkdir(), "train has a class 'eel' and test has not")
    refused(lambda folder: (folder / "test" / "eel").mkdir(), "test has a class 'eel' and train has not")
    refused(lambda folder: (folder / "test").rename(folder / "tests"), "has no folder 'test'")


def test_there_is_no_such_file_part_or_data_set(tmp_path: Path) -> None:
    name = written(tmp_path)
    for split, said in (
        (f"{tmp_path}/owm.npz:train", "there is no file .*owm.npz; did you mean 'own.npz'"),
        (f"{name}:trian", "did you mean '.*own.npz:train'"),
        (f"{name}:rest", "unknown data"),
        ("mnits.train", "did you mean 'mnist.train'"),
        ("mnist", "write SET.PART, as mnist.train, or PATH:PART"),
        ("supervise.train", "unknown data 'supervise.train'|unknown data 'supervise'"),
        ("no_module:Name.train", "No module named 'no_module'"),
        ("tests.laws.rows:BRAIN.train", "is not a class of data"),
    ):
        with pytest.raises(BadData, match=said):
            check_split(split)
    (tmp_path / "broken.npz").write_text("no zip")
    with pytest.raises(BadData, match=r"broken.npz is no .npz file"):
        size(f"{tmp_path}/broken.npz:train")


def test_a_path_begins_at_the_scenarios_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is run from; and its contents are a part of the program, as a plug-in's source is."""
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
    name = written(home)
    written(away, seed=5)
    (home / "own.yaml").write_text(SCENARIO.format(data="own.npz"))
    monkeypatch.chdir(away)
    stage = get("stages", "supervise").model_validate({"data": "own.npz:train"}, context={"folder": home})
    assert stage.data == f"{name}:train"
    again = call("check", "scenario", "../home/own.yaml")
    assert again.exit_code == 0, again.output
    assert file_digest(name) != file_digest(str(away / "own.npz"))


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    name = written(tmp_path)
    before = load(f"{name}:test", CPU).images
    written(tmp_path, seed=1, shape=(6, 6))
    assert load(f"{name}:test", CPU).images.shape == (9, 6, 6) and before.shape == (9, 6, 5)


def test_a_run_is_not_gone_on_with_when_its_images_are_others(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "own.yaml").write_text(SCENARIO.format(data="own.npz"))
    command = ["run", str(tmp_path / "own.yaml"), "--out", str(tmp_path / "run"), "--jobs", "1", "--no-report"]
    first = call(*command)
    assert first.exit_code == 0, first.output
    written(tmp_path, seed=1)
    more = call(*command, "--seeds", "3")
    assert more.exit_code == 2 and "own.npz was changed" in more.output, more.output


def test_a_pipe_or_a_device_is_no_data_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    for name in ("pipe.npz", "zero.npz"):
        (tmp_path / "own.yaml").write_text(SCENARIO.format(data=name))
        found = call("check", "scenario", tmp_path / "own.yaml")
        assert found.exit_code == 2 and "own.yaml:7:40" in found.output
        assert "is a pipe, a socket or a device; write a file with numpy.savez" in found.output
        assert not is_demonstrations(str(tmp_path / name))
