"""report.html: self-contained, harmless, complete, and the same for the same records."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from devlearn.evidence.text.formats import budget, chance, count
from devlearn.evidence.text.searched import how_searched
from devlearn.report.style import COLOURS, DASHES, GRID, INK, MARKERS, look
from tests.evidence.answers import compare, words
from tests.evidence.fake_run import finish, tiny_run, write_run
from tests.report.pages import part, write


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside of style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] != "style":
            self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def read(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(Elements(page).text))


def test_the_first_screen_has_the_two_numbers_and_the_claim_once(page: str, reported: Path) -> None:
    text = read(page)
    first = compare([reported]).found.points[0].comparisons[0]
    one, other = (f"{100 * mean:.2f}\u00a0%" for mean in first.means or ())
    assert f"digits accuracy at the end: {first.arm} {one}, random-init {other}." in page
    assert "That is the first of 5 pairs; all of them stand below. 6 arms." in text
    assert '<a href="#verdicts">all of them</a>' in page
    assert 'Each arm\'s is in <a href="#cost">What it cost</a>.' in page
    claim = "16 seeds; each seed redraws initial weights, labels, order, environments and action noise"
    assert read(page[: page.index("<main>")]).count(claim) == 1
    assert text.count("redraws") == 2  # in the methods once more


def test_the_only_pair_is_not_called_the_first(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [0.5, 0.6], "b": [0.2, 0.3]}, compare={"pairs": [["a", "b"]]})
    text = read(part(run, "verdicts"))
    assert "score points at the end: a 0.55, b 0.25. 2 arms." in text and "the first of" not in text
    assert "One learner cost" in text and "Each arm's" not in text, "the table of costs is not on this page"


def test_how_many_may_fail_unseen_is_said_once(page: str) -> None:
    text = read(page[page.index("<body>") :])
    rates = re.findall(r"can't exclude that up to (\d+)\s% do", text)
    assert len(rates) == 1
    assert not re.findall(rf"unless {rates[0]}\s% fail", text)
    assert text.count("compare.fails says what counts as a failure") == 1


def test_the_p_beside_equivalent_is_of_equivalence(page: str, reported: Path) -> None:
    told = [row for row in page.split("<tr>") if 'data-label="p adjusted"' in row]
    rows = {tuple(re.findall(r'data-label="(?:Arm|Against)">([^<]*)<', row)): row for row in told}
    same = [pair for pair in compare([reported]).found.pairs if pair.verdict == "equivalent"]
    assert same
    for pair in same:
        shown = re.findall(r'data-label="p(?: adjusted)?">([^<]*)<', rows[pair.arm, pair.against])
        assert shown == [chance(pair.p_equivalence_adjusted), chance(pair.p_equivalence)]
    assert "p beside equivalent is of equivalence, of two one-sided tests" in read(page)


def test_no_script_and_no_request(page: str) -> None:
    elements = Elements(page)
    assert not {"script", "link", "iframe", "object", "embed", "img"} & {tag for tag, _ in elements.found}
    assert not elements.named("image")  # this run has no pictures
    links = [value for _, a in elements.found for key, value in a.items() if key in ("href", "src", "xlink:href")]
    assert links
    known = ("#", "data:text/csv;", "data:image/svg+xml;")
    assert {next((k for k in known if (v or "").startswith(k)), v) for v in links} == set(known)
    assert not [key for _, attributes in elements.found for key in attributes if key.startswith("on")]
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_policy_allows_exactly_the_pages_own_style_sheet(page: str) -> None:
    policy = next(
        a["content"] for a in Elements(page).named("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    sheets = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(sheets) == 1
    digest = base64.b64encode(hashlib.sha256(sheets[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert " style=" not in page


def test_every_figure_is_described_and_small_enough(page: str) -> None:
    drawings = Elements(page).named("svg")
    # storyboard, differences, dots, over updates and FLOPs, five bands, three other probes, proxy
    assert len(drawings) == 14
    assert all(drawing["role"] == "img" and len(drawing["aria-label"] or "") > 40 for drawing in drawings)
    assert all("width" not in drawing for drawing in drawings)
    assert len(page.encode()) < 3_000_000


def test_ids_are_unique(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Elements(page).found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [value or "" for _, a in Elements(page).found for key, value in a.items() if key.endswith("href")]
    targets = {value[1:] for value in links if value.startswith("#")}
    assert targets <= set(ids)


def test_every_colour_of_the_figures_has_one_for_the_dark(page: str) -> None:
    dark = page[page.index("prefers-color-scheme: dark") :]
    for colour in (*COLOURS, INK, GRID):
        assert f'[fill="{colour}"]' in dark
        assert f'[stroke="{colour}"]' in dark
    used = set(re.findall(r' (?:fill|stroke)="(#[0-9a-f]{6})"', page))
    assert used <= {*COLOURS, INK, GRID, "#ffffff"}


def test_figures_lie_beside_the_page(reported: Path) -> None:
    names = {path.name for path in (reported / "figures").iterdir()}
    expected = ["lives", "differences", "dots", "over-updates", "over-flops", "band-0", "probe-frames"]
    assert {f"{name}.{kind}" for name in expected for kind in ("svg", "png", "csv")} <= names
    assert (reported / "figures" / "dots.png").read_bytes().startswith(b"\x89PNG")


def test_the_words_and_numbers_are_those_of_the_comparison(page: str, reported: Path) -> None:
    text = read(page)
    comparison = compare([reported])
    assert isinstance(comparison, dict)
    once = "Unless some fail: "  # said by the headline and by what would change the answer
    assert all(sentence in text for sentence in words(comparison) if not sentence.startswith(once))
    for warning in comparison["warnings"]:
        assert warning in text
    for row in ("+4.92 points", "420 million", "332.2", "3,000", "devlearn run made_up.yaml --out runs/made-up"):
        assert row in text
    assert "lived once with shuffled" in text


def test_what_users_write_is_escaped(page: str) -> None:
    assert "Synthetic numbers &lt;for&gt; tests &amp; nothing else." in page


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = '"><script>alert(1)'
    run = tiny_run(tmp_path, {name: [0.1, 0.2], "b": [0.2, 0.3]}, compare={"pairs": [[name, "b"]]})
    page = write(run).read_text(encoding="utf-8")
    assert "<script" not in page
    assert name in " ".join(a.get("aria-label") or "" for a in Elements(page).named("svg"))


def test_names_are_not_formulas(tmp_path: Path) -> None:
    write(tiny_run(tmp_path, {"$x^{$": [0.1, 0.2]}))
    assert "$x^{$" in (tmp_path / "figures" / "dots.svg").read_text()


def test_same_records_same_page(reported: Path, page: str) -> None:
    assert write(reported).read_text(encoding="utf-8") == page


def test_points_have_sections_and_a_figure_over_all(tmp_path: Path) -> None:
    run = write_run(tmp_path / "varied", seeds=6, vary=[10, 1000])
    page = part(run, "differences", "points", "verdicts")
    assert "Over all points" in page
    assert {"point-0", "point-1"} <= {a.get("id") for _, a in Elements(page).found}
    assert (run / "figures" / "varied.svg").exists()
    assert (run / "figures" / "point1-dots.svg").exists()


def test_a_word_among_numbers_has_its_own_place_in_the_figure_over_all(tmp_path: Path) -> None:
    run = write_run(tmp_path / "varied", seeds=6, vary=[10, 100, 1000])
    resolved = json.loads((run / "resolved.json").read_text())
    resolved["points"][2]["point"] = {"stages.school.labels": "all", "stages.school.updates": 800}
    (run / "resolved.json").write_text(json.dumps(resolved))
    page = write(run).read_text(encoding="utf-8")
    drawn = (run / "figures" / "varied.svg").read_text()
    ticks = [drawn.find(f">{tick}<") for tick in ("10", "100", "all")]
    assert -1 not in ticks and ticks == sorted(ticks)
    assert "with its 95 % t-interval. Besides, at labels = all: updates = 800." in page


def test_a_section_without_content_has_no_link_either(tmp_path: Path) -> None:
    """Two points that vary no number: nothing to draw over them all."""
    run = write_run(tmp_path / "varied", seeds=6, vary=[10, 1000])
    resolved = json.loads((run / "resolved.json").read_text())
    for entry, brain in zip(resolved["points"], ("wide", "deep"), strict=True):
        entry["point"] = {"brain": brain}
    (run / "resolved.json").write_text(json.dumps(resolved))
    page = part(run, "lives", "points", "verdicts")
    assert "Over all points" not in page and 'href="#points"' not in page
    assert "brain = deep" in page
    sections = {a.get("id") for tag, a in Elements(page).found if tag == "section"}
    links = {a["href"] or "" for a in Elements(page).named("a")}
    assert {link for link in links if link.startswith("#")} <= {f"#{name}" for name in sections}


def test_paths_that_vary_together_are_one_axis(tmp_path: Path) -> None:
    run = write_run(tmp_path / "varied", seeds=6, vary=[10, 1000])
    resolved = json.loads((run / "resolved.json").read_text())
    for entry in resolved["points"]:
        entry["point"]["stages.late.labels"] = entry["point"]["stages.school.labels"]
    (run / "resolved.json").write_text(json.dumps(resolved))
    page = read(part(run, "points", "verdicts"))
    assert "Mean of each arm over labels, with its 95 % t-interval." in page
    assert "labels = 10" in page and "stages.school.labels = " not in page


def test_an_unfinished_run_has_a_page_that_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", seeds=6)
    for state in run.glob("jobs/*/*/state.json"):
        finish(state.parent, "running")
    text = read(write(run).read_text(encoding="utf-8"))
    assert "not finished: jobs/" in text
    assert "isn't yet comparable with" in text


def test_bare_runs_have_pages(tmp_path: Path) -> None:
    """No manifest, no scenario file, no pairs, one seed; a value that is unknown."""
    run = tiny_run(tmp_path, {"a": [0.5]}, metric={"worst": None}, diverged={"a": {0: 3}})
    text = read(write(run).read_text(encoding="utf-8"))
    assert "no manifest" in text
    assert "declares no pairs" in text
    assert "unknown" in text


def test_how_settings_were_searched_stands_among_the_warnings(tmp_path: Path) -> None:
    silent = write(tiny_run(tmp_path / "silent", {"a": [0.5, 0.6]})).read_text(encoding="utf-8")
    assert "Settings were" not in silent and "settings searched" not in silent
    run = tiny_run(tmp_path / "run", {"a": [0.5, 0.6]}, searched="by hand: lr <of> two, seeds 100 to 103")
    (run / "manifest.json").write_text(json.dumps({"command": "c", "digest": "d", "versions": {}, "machine": {}}))
    page = write(run).read_text(encoding="utf-8")
    said = "Settings were searched by hand: lr &lt;of&gt; two, seeds 100 to 103."
    assert page.index('<section id="warnings">') < page.index(said) < page.index('<section id="lives">')
    assert "<dt>settings searched</dt><dd>by hand: lr &lt;of&gt; two" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("by hand: lr, seed 100.", "Settings were searched by hand: lr, seed 100."),
        ("by hand, on what is not on record", "Settings were searched by hand, on what is not on record."),
        ("not: they are those of the paper", "Settings were not searched: they are those of the paper."),
    ],
)
def test_how_settings_were_searched_in_words(text: str, said: str) -> None:
    assert how_searched(text) == said


def test_a_page_survives_a_manifest_with_other_keys(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [0.5, 0.6]})
    (run / "manifest.json").write_text(
        json.dumps({"command": "c", "digest": "d", "versions": {}, "machine": {}, "x": 1})
    )
    assert "<code>c</code>" in write(run).read_text(encoding="utf-8")


def test_arms_look_different_without_colour() -> None:
    looks = [look(index) for index in range(36)]
    assert len({(colour, marker, str(dash)) for colour, marker, dash in looks}) == 36
    assert len({marker for _, marker, _ in looks[:6]}) == len({str(dash) for *_, dash in looks[:6]}) == 6
    assert len(MARKERS) == len(DASHES) == len(COLOURS)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_from_the_paper(page: str, scheme: str) -> None:
    """4.5:1 at least (WCAG), for words and for lines."""
    dark = page[page.index("prefers-color-scheme: dark") : page.index("box-sizing")]
    light = page[page.index(":root") : page.index("prefers-color-scheme: dark")]
    css = light if scheme == "light" else dark
    paper = luminance({"light": "#ffffff", "dark": "#15171b"}[scheme])
    lines = COLOURS if scheme == "light" else [dark.split(f'[fill="{c}"] {{ fill: ')[1][:7] for c in COLOURS]
    words_in = re.findall(r"--(?:ink|soft|good|bad|calm|open): (#[0-9a-f]{6})", css)
    assert len(words_in) == 6
    for colour in (*lines, *words_in):
        high, low = sorted((luminance(colour), paper), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, colour


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (113.75, "113.8"), (12345, "12,345"), (4.2e8, "420 million"), (3.1e12, "3.1 trillion")],
)
def test_counts_are_readable(value: float, text: str) -> None:
    assert count(value) == text


def test_budgets_are_readable() -> None:
    assert (budget(["env_steps", 30000]), budget(None)) == ("30,000 env steps", "acts once")
