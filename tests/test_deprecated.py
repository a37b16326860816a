"""Import paths that docs once showed: each works, warns once, and names the new one."""

import importlib
import subprocess
import sys
import warnings

import pytest

from devlearn._deprecated import LEFT, MOVED, RENAMED

# What the pages of 0.1 imported from where.
SHOWN = {
    "devlearn.stage": ("Context", "Gate", "Metrics", "Stage", "State", "Work", "stage"),
    "devlearn.probe": ("Measurement", "Metric", "Probe", "Probing", "probe"),
    "devlearn.cohort": ("Cohort",),
    "devlearn.optimiser": ("Optimiser", "Weighted", "Weights"),
    "devlearn.objectives": ("CrossEntropy", "NTXent", "Reconstruction"),
    "devlearn.flops": ("update",),
    "devlearn.brains.needs": ("Head", "Needs", "Sense"),
    "devlearn.data": ("CLASSES", "IMAGE", "IMAGE_SENSE", "Dataset"),
    "devlearn.worlds": ("World", "check_id"),
    "devlearn.genome_file": ("read",),
}


def forget(name: str) -> None:
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_imports_warns_once_and_names_the_new_one(old: str) -> None:
    forget(old)
    parent = old.rpartition(".")[0]
    if parent in MOVED:
        with warnings.catch_warnings(action="ignore"):
            importlib.import_module(parent)
    with pytest.warns(DeprecationWarning) as caught:
        found = importlib.import_module(old)
        importlib.import_module(old)
    assert [str(one.message) for one in caught] == [
        f"{old} is deprecated since 0.2 and gone in 0.3; import from {MOVED[old][0]}"
    ]
    for name in SHOWN.get(old, ()):
        new = RENAMED.get(old, {}).get(name, name)
        homes = [home for home in map(importlib.import_module, MOVED[old]) if hasattr(home, new)]
        assert getattr(found, name) is getattr(homes[0], new)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        found.nothing  # noqa: B018


def test_every_path_that_was_shown_is_kept() -> None:
    assert set(SHOWN) <= set(MOVED)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in LEFT.items() for name in names])
def test_a_name_that_left_its_module_is_found(module: str, name: str) -> None:
    home = LEFT[module][name]
    with pytest.warns(DeprecationWarning, match=rf"{module}\.{name} is deprecated .* import from {home}"):
        assert getattr(importlib.import_module(module), name) is getattr(importlib.import_module(home), name)


def test_the_warning_points_at_who_imports() -> None:
    code = "import warnings; warnings.simplefilter('error'); import devlearn.flops"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "import from devlearn.learners.flops" in done.stderr


def test_what_is_not_there_is_still_not_there() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("devlearn.nothing")
    with pytest.raises(AttributeError):
        importlib.import_module("devlearn.runs").nothing  # noqa: B018
