"""One direction of flow: the rooms of docs/devlearn_docs/rooms.yaml, held by reading imports."""

import ast
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent

ROOMS: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "docs" / "devlearn_docs" / "rooms.yaml").read_text(encoding="utf-8")
)
FACES = ("__init__", "__main__", "plugin", "_deprecated")  # single files that are doors, not rooms
OURS = sorted(path for path in (ROOT / "devlearn").rglob("*.py") if "templates" not in path.parts)
EVIDENCE = {"numpy", "scipy"}
STAGES = ("innate", "pretrain", "trial", "imitate", "caregiver", "supervise", "consolidate")


def room(module: str) -> str:
    """``devlearn.tasks.envs.check`` -> ``worlds``; ``devlearn`` itself is ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions and for types too; relative ones made absolute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            if node.module == "devlearn":
                yield from (f"devlearn.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def third_party(path: Path) -> set[str]:
    tops = {module.split(".")[0] for module in imports(path)}
    return {top for top in tops if top not in sys.stdlib_module_names}


def inside(module: str) -> str:
    """``devlearn.evidence.text.points`` -> ``text``; nothing for a file beside the folders of a room."""
    parts = module.split(".")
    folder = ROOT / "devlearn" / Path(*parts[1:3]) if len(parts) > 2 else None
    return parts[2] if folder is not None and folder.is_dir() else ""


@pytest.mark.parametrize("path", OURS, ids=module_of)
def test_a_file_imports_what_its_room_may(path: Path) -> None:
    own = room(module_of(path))
    if own in FACES:
        return
    assert own in ROOMS, f"{own} is no room: name it in docs/devlearn_docs/rooms.yaml"
    doors = {own, "__init__", "_deprecated"}  # a room may hand over what it was asked for by an old name
    rooms = {room(module) for module in imports(path) if module.split(".")[0] == "devlearn"} - doors
    more = rooms - set(ROOMS[own]["imports"])
    assert not more, f"{module_of(path)} imports {sorted(more)}; {own} may import {ROOMS[own]['imports']}"


@pytest.mark.parametrize("path", OURS, ids=module_of)
def test_a_folder_of_a_room_imports_what_it_may(path: Path) -> None:
    module = module_of(path)
    own, order = inside(module), ROOMS.get(room(module), {}).get("inside", {})
    if own not in order:
        return
    mates = {inside(name) for name in imports(path) if room(name) == room(module)} & set(order)
    more = mates - {own} - set(order[own]["imports"])
    assert not more, f"{module} imports {sorted(more)}; {own} may import {order[own]['imports']}"


def test_rooms_stand_in_order() -> None:
    """A room imports rooms that stand above it in the list, so there is no way round."""
    for rooms in (ROOMS, *(entry["inside"] for entry in ROOMS.values() if "inside" in entry)):
        names = list(rooms)
        for place, (name, entry) in enumerate(rooms.items()):
            assert set(entry["imports"]) <= set(names[:place]), name


def test_every_room_stands_in_the_list() -> None:
    found = {room(module_of(path)) for path in OURS} - set(FACES)
    assert found <= set(ROOMS)
    there = {path.name for path in (ROOT / "devlearn").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert set(ROOMS) <= {name.removesuffix(".py") for name in there}


def test_no_file_imports_itself_on_a_way_round() -> None:
    known = {module_of(path): path for path in OURS}
    arrows = {module: _all_imports(path, known) - {module} for module, path in known.items()}
    done: set[str] = set()
    for module in known:
        _descend(module, arrows, [], done)


def _descend(module: str, arrows: dict[str, set[str]], way: list[str], done: set[str]) -> None:
    assert module not in way, f"import circle: {' -> '.join([*way[way.index(module) :], module])}"
    if module in done:
        return
    for other in sorted(arrows[module]):
        _descend(other, arrows, [*way, module], done)
    done.add(module)


def _all_imports(path: Path, known: Container[str]) -> set[str]:
    """Modules imported when a file is, ``from package import module`` as the module; not those inside functions."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if name in known}
            found |= modules if len(modules) == len(names) else {*modules, node.module or ""}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in known}


WITHOUT = [(path, ROOMS[own].get("without", [])) for path in OURS if (own := room(module_of(path))) in ROOMS]


@pytest.mark.parametrize(
    ("path", "names"), [pair for pair in WITHOUT if pair[1]], ids=[module_of(p) for p, names in WITHOUT if names]
)
def test_a_room_without_a_tensor_imports_none(path: Path, names: list[str]) -> None:
    assert not third_party(path) & {*names, "torchvision"}


@pytest.mark.parametrize("path", [path for path in OURS if room(module_of(path)) == "evidence"], ids=module_of)
def test_evidence_is_numpy_and_scipy(path: Path) -> None:
    assert third_party(path) - EVIDENCE <= {"devlearn"}


def test_only_the_cohort_maps() -> None:
    users = {module_of(path) for path in OURS if any(name.startswith("torch.func") for name in imports(path))}
    written = {path: path.read_text(encoding="utf-8") for path in OURS}
    users |= {module_of(path) for path, text in written.items() if "torch.func." in text or "torch.vmap" in text}
    assert users <= {"devlearn.learners.cohort", "devlearn.learners.flops"}


@pytest.mark.parametrize("path", [path for path in OURS if inside(module_of(path)) in STAGES], ids=module_of)
def test_stages_never_import_each_other(path: Path) -> None:
    own = module_of(path)
    others = {name for name in imports(path) if name.startswith("devlearn.stages.") and inside(name) in STAGES}
    assert others <= {own}, f"{own} imports {sorted(others - {own})}; what two need is in stages/shared"


ENVS = sorted((ROOT / "envs" / "devlearn_envs").rglob("*.py"))


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_environments_import_gymnasium_and_numpy_only(path: Path) -> None:
    assert third_party(path) <= {"gymnasium", "numpy", "devlearn_envs"}


INDEPENDENT = sorted((ROOT / "tests" / "independent").glob("*.py"))


@pytest.mark.parametrize("path", INDEPENDENT, ids=lambda path: path.stem)
def test_the_recomputation_of_evidence_shares_no_code(path: Path) -> None:
    assert third_party(path) <= {"numpy", *(other.stem for other in INDEPENDENT)}


def test_importing_devlearn_and_its_command_line_imports_nothing_heavy() -> None:
    light = ROOT / "devlearn" / "__init__.py", *sorted((ROOT / "devlearn" / "cli").glob("*.py"))
    for path in light:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tops = {module.split(".")[0] for node in tree.body for module in _top_level(node)}
        assert not tops & {
            "torch",
            "torchvision",
            "numpy",
            "scipy",
            "matplotlib",
            "gymnasium",
            "pydantic",
            "rich",
            "jinja2",
        }, path


def _top_level(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
