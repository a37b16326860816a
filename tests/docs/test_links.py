"""Local links of README and pages lead somewhere; every path and module that they name is there."""

import pkgutil
import re
import unicodedata
import warnings
from pathlib import Path

import pytest
from devlearn_docs import library, results

from devlearn import registry

ROOT = Path(__file__).parents[2]
TOP = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")]
PAGES = results.pages()
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?<![\w./-])((?:devlearn|tests|docs|envs|scenarios|benchmarks|examples|\.ci)/[\w./-]*[\w/])")
MODULE = re.compile(r"`(devlearn(?:\.[A-Za-z_]\w*)+)`")
BUILT = ("docs/_build", "docs/results/gabor.json")  # which a reader's own command makes
DOORS = {f"devlearn.{group}" for group in (*registry.GROUPS, "envs")}  # of entry points, no modules
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """The targets of links, outside of code."""
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return [target for target in LINK.findall(prose) if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """What GitHub and MyST make of a page's headings, and the page's own labels."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {slug(head) for head in heads} | set(re.findall(r"^\(([\w.-]+)\)=$", text, re.MULTILINE))


def slug(head: str) -> str:
    text = unicodedata.normalize("NFKC", head.replace("`", "")).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def leads(page: Path, target: str) -> bool:
    """Whether the file is there and, in a page, its heading."""
    name, _, anchor = target.partition("#")
    if name.lstrip("/").startswith("library/"):
        return name.lstrip("/").removeprefix("library/") in library.names()
    path = page.parent / name if name else page
    if not path.exists() or not anchor or path.suffix != ".md":
        return path.exists()
    return anchor in anchors(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES + TOP, ids=lambda path: str(path.relative_to(ROOT)))
def test_local_links_lead_somewhere(page: Path) -> None:
    broken = [target for target in links(page.read_text(encoding="utf-8")) if not leads(page, target)]
    assert not broken, f"{page.relative_to(ROOT)} links to {', '.join(broken)}"


def named_files(text: str) -> set[str]:
    """Paths of this repository; one with a placeholder, as in `docs/results/NAME.json`, is none."""
    found = {path for path in FILE.findall(text) if not re.search(r"[A-Z]{3,}\.|-v\d", path)}
    return {path for path in found if not path.startswith(BUILT)}


@pytest.mark.parametrize("page", PAGES + TOP, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_and_modules_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lost = [path for path in named_files(text) if not (ROOT / path).exists()]
    assert not lost, f"{page.relative_to(ROOT)} names {', '.join(lost)}"
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        for name in (
            set(MODULE.findall(text)) - DOORS if page.name != "CHANGELOG.md" else ()
        ):  # which names what has gone
            assert pkgutil.resolve_name(name) is not None


def test_every_page_is_in_one_contents() -> None:
    docs = ROOT / "docs"
    listed, written = [], set()
    for page in PAGES[1:]:
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            for entry in (line.strip() for line in block.splitlines()):
                if entry.startswith("/library/"):
                    written.add(entry)
                elif entry and not entry.startswith(":") and not (page.parent / f"{entry}.ipynb").exists():
                    base = docs if entry.startswith("/") else page.parent
                    listed.append((base / f"{entry.lstrip('/')}.md").resolve())
    pages = {path.resolve() for path in PAGES[1:]} - {(docs / "index.md").resolve()}
    assert len(listed) == len(set(listed)), "a page stands in two tables of contents"
    lost = sorted(str(path.relative_to(docs)) for path in pages - set(listed))
    assert not lost, f"docs/{lost[0]} is in no toctree; name it in the index.md of its part"
    assert set(listed) == pages
    assert written == {
        f"/library/{folder}/*" for folder in {name.partition("/")[0] for name in library.names() if "/" in name}
    }


def test_the_checker_sees_a_broken_link() -> None:
    text = "[a](b.md) [c](https://d.e) `[f](g)`\n```\n[h](i)\n```\n## One `two`: three\n"
    assert links(text) == ["b.md"]
    assert anchors(text) == {"one-two-three"}
