"""The session of the Python page is run as it stands, with toy budgets laid over its scenario."""

import doctest
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import devlearn

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
TOY = {
    "stages.waves.updates": 2, "stages.waves.batch": 8, "stages.look.updates": 2, "stages.look.batch": 8,
    "stages.play.env_steps": 1024, "stages.school.updates": 4, "stages.school.batch": 16, "probes.digits.every": 2,
    "probes.held.every": 2, "block": 4,
}  # fmt: skip


def small(run: Any, scenario: str, set: dict[str, Any] | None = None, **keys: Any) -> Any:
    """``devlearn.run`` with toy budgets; a mistake of the page's own stays the only one."""
    return run(scenario, set=set or TOY, **keys)


def test_the_session_says_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(devlearn, "run", partial(small, devlearn.run), raising=False)
    text = "\n".join(line for line in PAGE.read_text(encoding="utf-8").splitlines() if not line.startswith("```"))
    session = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(session, out=said.append, clear_globs=False)
    assert found.attempted > 12 and found.failed == 0, "".join(said)
