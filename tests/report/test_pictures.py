"""Receptive fields and films: shown as they are on record, described, carried once, and never left out quietly."""

import base64
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.image import imread

from devlearn.evidence import load
from devlearn.records.arrays import pictures
from devlearn.report.aside import Aside
from devlearn.report.figure_store import FigureStore
from devlearn.report.pictures import mosaic
from devlearn.report.png import data_uri, png
from tests.report.fake_pictures import MOMENTS, UNITS
from tests.report.test_page import Elements, read


@pytest.fixture(scope="module")
def text(drawn: Path) -> str:
    return (drawn / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
def test_png_holds_the_bytes(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal((imread(BytesIO(png(image))) * 255).round().astype(np.uint8), image)


def test_the_pictures_on_the_page_are_those_on_record(text: str, drawn: Path) -> None:
    addresses = {a["href"] for a in Elements(text).named("image")}
    run = load(drawn)
    for arm in run.points[0].arms.values():
        for picture in pictures(arm, 0):
            if "fields" in picture.arrays:
                assert data_uri(mosaic(picture.arrays["fields"])) in addresses
            elif "frames" in picture.arrays:
                assert {data_uri(frame) for frame in picture.arrays["frames"]} <= addresses


def test_no_picture_is_carried_twice(text: str) -> None:
    addresses = [a["href"] for a in Elements(text).named("image")]
    assert len(addresses) == len(set(addresses))
    assert len(re.findall(r'<svg class="picture"', text)) > 2 * len(addresses)
    assert all(base64.b64decode(str(a).split(",")[1]).startswith(b"\x89PNG") for a in addresses)


def test_pictures_are_described_with_numbers(text: str) -> None:
    labels = [a["aria-label"] or "" for a in Elements(text).named("svg") if a.get("class") == "picture"]
    assert f"developmental, after look: {UNITS} receptive fields of 9 by 9 weights, smoothness 0.2" in labels
    assert sum(label == "CartPole-v1, after play: step 20, return so far 8" for label in labels) == 1


def test_captions_say_whose_pictures_they_are(text: str) -> None:
    words = read(text)
    assert f"that of seed 0 (the first), its first {UNITS} units: neither was selected" in words
    assert "One greedy episode in CartPole-v1 of the learner of seed 0 (the first, not selected)" in words
    assert "Observations over one greedy episode in Pendulum-v1" in words


def test_a_film_that_arms_share_is_shown_once(text: str) -> None:
    words = read(text)
    assert words.count("CartPole-v1, after look: developmental, shuffled") == 1
    strips = {"birth", "waves", "look", "play", "shuffle", "sham"}
    assert len(re.findall(r'<div class="film">', text)) >= len(strips)
    assert text.count("step 30, return so far") >= MOMENTS


def test_figures_of_pictures_lie_beside_the_page(drawn: Path) -> None:
    names = {path.name for path in (drawn / "figures").iterdir()}
    for name in ("fields-fields", "film-pole", "trace-unseen-0"):
        assert {f"{name}.svg", f"{name}.png"} <= names


def test_figures_of_pictures_have_their_files_as_others_have(text: str, drawn: Path) -> None:
    held = {name: address for address, name in re.findall(r'<a href="(data:[^"]*)" download="([^"]*)"', text)}
    for name in ("fields-fields", "film-pole", "trace-unseen-0"):
        assert f"{name}.png" in text and (f"{name}.svg" in held or f"{name}.svg {name}.png" in text)
        rows = unquote(held[f"{name}.csv"].split(",", 1)[1]).splitlines()
        assert rows == (drawn / "figures" / f"{name}.csv").read_text().splitlines() and len(rows) > 3
    assert "developmental,after look,0,0.2" in unquote(held["fields-fields.csv"])
    assert "figures/fields-fields.svg" not in text


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    shelf = FigureStore(tmp_path, Aside(), room=400)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    assert shelf.picture(np.zeros((2, 2), np.uint8), "black") is not None
    assert shelf.picture(noise, "noise") is None
    assert shelf.picture(np.ones((2, 2), np.uint8), "nearly black") is None  # no holes: all that comes later gives way


def test_mosaics_keep_every_tile_apart() -> None:
    tiles = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    shown = mosaic(tiles)
    assert shown.shape == (5, 11)
    assert [shown[0, 0], shown[0, 4], shown[0, 8], shown[3, 0], shown[3, 4]] == [0, 1, 2, 3, 4]
    assert set(shown[2]) == {255}
