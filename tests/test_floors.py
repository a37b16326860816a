"""One direction of flow: a file imports lower floors, or its own package, only."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = (
    ("streams", "registry", "brains", "objectives", "controls"),
    (
        "cohort",
        "member",
        "optimiser",
        "population",
        "flops",
        "data",
        "scenario",
        "schedule",
        "augment",
        "bottleneck",
        "genome_file",
    ),
    ("worlds",),
    ("stage", "lessons", "looking", "practice", "remake", "unlabelled", "ancestry", "eyes", "generations"),
    ("stages",),
    ("probes", "probe", "ledger", "checkpoint", "record", "plan", "engine"),
    ("evidence", "report"),
    ("execute",),
    ("living", "export", "runs", "testing", "templates", "__init__"),
    ("cli", "__main__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OURS = sorted(path for path in (ROOT / "devlearn").rglob("*.py") if "templates" not in path.parts)
EVIDENCE = {"numpy", "scipy"}


def room(module: str) -> str:
    """``devlearn.worlds.check`` -> ``worlds``; ``devlearn`` itself is ``__init__``."""
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


@pytest.mark.parametrize("path", OURS, ids=module_of)
def test_a_file_imports_lower_floors_or_its_own_package(path: Path) -> None:
    own = room(module_of(path))
    assert own in FLOOR, f"{own} is on no floor"
    rooms = {room(module) for module in imports(path) if module.split(".")[0] == "devlearn"}
    high = {name for name in rooms - {own} if FLOOR.get(name, -1) >= FLOOR[own] and not _same_floor(own, name)}
    assert not high, f"{module_of(path)} is on floor {FLOOR[own]} and imports {sorted(high)}"


def _same_floor(own: str, other: str) -> bool:
    """Rooms of one floor may use each other, but evidence knows nothing of the report."""
    return FLOOR[own] == FLOOR.get(other) and own != "evidence"


def test_every_room_on_a_floor_is_known() -> None:
    found = {room(module_of(path)) for path in OURS}
    assert found <= set(FLOOR)


@pytest.mark.parametrize("path", [path for path in OURS if room(module_of(path)) == "evidence"], ids=module_of)
def test_evidence_is_numpy_scipy_and_nothing_of_ours(path: Path) -> None:
    assert third_party(path) - EVIDENCE <= {"devlearn"}
    assert {room(module) for module in imports(path) if module.startswith("devlearn")} <= {"evidence"}


def test_only_the_cohort_maps() -> None:
    users = {module_of(path) for path in OURS if any(name.startswith("torch.func") for name in imports(path))}
    written = {path: path.read_text(encoding="utf-8") for path in OURS}
    users |= {module_of(path) for path, text in written.items() if "torch.func." in text or "torch.vmap" in text}
    assert users <= {"devlearn.cohort", "devlearn.flops"}


@pytest.mark.parametrize("path", [path for path in OURS if room(module_of(path)) == "stages"], ids=module_of)
def test_stages_never_import_each_other(path: Path) -> None:
    own = _plug_in(module_of(path))
    others = {_plug_in(name) for name in imports(path) if name.startswith("devlearn.stages.")}
    assert others <= {own}, f"{module_of(path)} imports {sorted(others - {own})}"


def _plug_in(module: str) -> str:
    """The first name below ``devlearn.stages``: one way of learning, a file or a folder."""
    return ".".join(module.split(".")[:3])


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
