"""Scenario files: found by path or name, read, extended, overridden, checked."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devlearn.registry import nearest
from devlearn.scenario.build import build
from devlearn.scenario.models import Scenario
from devlearn.scenario.problems import Mark, Problem, Problems, ScenarioError, hint, in_reading_order
from devlearn.scenario.renamed import NewNames
from devlearn.scenario.tuning import count, trials
from devlearn.scenario.validate import text_of
from devlearn.scenario.variations import Setting, apply, describe, few, grid, hidden, laid
from devlearn.scenario.variations import overrides as settings_of
from devlearn.scenario.yaml_nodes import MOST_TEXT, Map, Node, compose, merge, plain, show

Check = Callable[[str], object]
Checks = Mapping[str, Check]
MOST_BASES = 16
ENDINGS = (".yaml", ".yml")
MOST_FILES = 10  # in a message
_PACKAGE = Path(__file__).parent.parent


def library() -> dict[str, Path]:
    """Our own scenarios by name: ``scenarios/innate/gabor.yaml`` is ``innate/gabor``; ``find`` knows ``gabor`` too."""
    places = (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios")  # an installed wheel, a checkout
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        return {}
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}


def find(name_or_path: str | Path) -> Path:
    """The file of a path, or of one of our scenarios by name, with or without its folder and ``.yaml``.

    Raises:
        ScenarioError: with the nearest name where there is no such file.
    """
    path, known = Path(name_or_path), library()
    if _is_file(path):
        return path
    name = str(name_or_path).removesuffix(".yaml")
    if name in known:
        return known[name]
    short = [path for full, path in known.items() if full.rpartition("/")[2] == name]
    if len(short) == 1:
        return short[0]
    raise ScenarioError.at(Mark(str(name_or_path)), _not_there(path, known))


def _not_there(path: Path, known: Mapping[str, Path]) -> str:
    """What is said of a scenario that is neither a file nor a name of ours: the likeliest file, the likeliest name."""
    if os.path.isdir(path):  # which has no name that the system refuses either
        return _directory(path)
    if os.path.lexists(path):
        return _no_file(path)
    alone, ours = path.parent == Path(), "`devlearn list scenarios` names ours"
    if not alone and path.suffix in ENDINGS and not os.path.isdir(path.parent):
        return f"no such file: there is no folder {path.parent}"
    beside = _scenarios_in(path.parent)
    near = path.name if path.suffix in ENDINGS else f"{path.name}.yaml"
    file = near if near in beside else nearest(near, beside)
    if path.suffix in ENDINGS and (file or not alone):
        there = f"; there are: {', '.join(beside[:MOST_FILES])}" if beside else ", and no other YAML file beside it"
        return f"no such file{f'; did you mean {str(path.parent / file)!r}?' if file else there}"
    named = str(path).removesuffix(".yaml")
    short = [*known, *(full.rpartition("/")[2] for full in known)]
    likely = str(path.parent / near) if near == file else nearest(named, short) or (file and str(path.parent / file))
    return f"no such file, and no scenario of that name; {f'did you mean {likely!r}?' if likely else ours}"


def _no_file(path: Path) -> str:
    """What is said of something that is there and no file."""
    if os.path.isdir(path):
        return "is a directory, not a scenario's file"
    if not os.path.exists(path):
        return "is a link that leads to no file"
    return "is a pipe, a socket or a device, not a file; write the scenario into one"


def _directory(path: Path) -> str:
    """What is said of a directory where a scenario's file should stand."""
    if (path / "resolved.json").exists():
        return f"is a directory, the folder of a run; go on with it: devlearn resume {shlex.quote(str(path))}"
    inside = [str(path / name) for name in _scenarios_in(path)]
    there = f"name one of its files: {', '.join(inside[:MOST_FILES])}" if inside else "and there is no YAML file in it"
    return f"{_no_file(path)}; {there}"


def _scenarios_in(folder: Path) -> list[str]:
    """The YAML files of a folder, by name; none where it can't be read."""
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix in ENDINGS)
    except OSError:
        return []


Laid = dict[str, tuple[Any, Any]]  # by dotted path: the file's value (None where it has none), and what was set


def load(
    path: str | Path,
    overrides: Iterable[str] = (),
    check_env: Check | None = None,
    check_data: Check | None = None,
    check_wrapper: Check | None = None,
    *,
    check_sense: Check | None = None,
) -> Scenario:
    """The scenario of a file (or of a name of ours), with ``K=V`` overrides laid over it.

    ``check_env`` is asked about every environment id, ``check_data`` about every data split, ``check_wrapper`` about
    every item of ``wrappers``, ``check_sense`` about every data set; each raises LookupError, ValueError or
    RuntimeError, with a message, for one that does not exist. An error's ``key`` says which key of an item is at fault.

    Raises:
        ScenarioError: with every mistake of the file.
    """
    found = find(path)
    problems = Problems()
    text = _read(found, problems)
    problems.check()
    return parse(text, str(found), overrides, check_env, check_data, check_wrapper, check_sense=check_sense)


def parse(
    text: str,
    name: str,
    overrides: Iterable[str] = (),
    check_env: Check | None = None,
    check_data: Check | None = None,
    check_wrapper: Check | None = None,
    *,
    check_sense: Check | None = None,
) -> Scenario:
    """The scenario of a text; ``name`` stands before every message, and ``extends`` is looked up beside it.

    Raises:
        ScenarioError: with every mistake of the text.
    """
    problems = Problems()
    root = _tree(text, name, (), problems)
    if not isinstance(root, Map):
        if root is not None:
            problems.add(root.mark, "a scenario is a map that begins with 'devlearn: 1'")
        raise ScenarioError(in_reading_order(problems.mistakes))
    names = NewNames(root, problems)
    settings = [names.setting(setting) for setting in settings_of(overrides, problems)]
    file = names.tree(root)
    checks = {"env": check_env, "data": check_data, "wrappers": check_wrapper, "sense": check_sense}
    given = {field: check for field, check in checks.items() if check is not None}
    scenario = _laid_over(file, settings, problems, given)
    if problems.mistakes and settings:
        problems.mistakes = _blamed(problems, file, settings, given)
    problems.check()
    assert scenario is not None
    scenario._notes = in_reading_order(problems.notes)
    scenario._laid = _changing(laid(file, settings), file, settings, scenario)
    return scenario


def _changing(found: Laid, file: Map, settings: Sequence[Setting], scenario: Scenario) -> Laid:
    """Of what settings laid over a file's tree, that without which the scenario is another.

    A default that a setting writes out where the file says nothing changes nothing.
    """
    left = list(settings)
    for path in [path for path, (before, _) in found.items() if before is None]:
        others = [setting for setting in left if setting.path != path]
        without = _laid_over(file, others, Problems(), {})
        if without is not None and _same(without, scenario):
            left = others
    kept = {setting.path for setting in left}
    return {path: values for path, values in found.items() if path in kept}


def _same(one: Scenario, other: Scenario) -> bool:
    """Whether two scenarios are the same at every point, however they are written."""
    if [point for point, _ in points(one)] != [point for point, _ in points(other)]:
        return False
    sides = zip(((("", one), *points(one))), (("", other), *points(other)), strict=True)
    return all(getattr(a, key) == getattr(b, key) for (_, a), (_, b) in sides for key in Scenario.model_fields)


def _laid_over(file: Map, settings: Sequence[Setting], problems: Problems, checks: Checks) -> Scenario | None:
    """The scenario of a file's tree with settings laid over it, its points built; None where anything is wrong."""
    root = apply(file, settings, problems)
    root = NewNames(root, problems).tree(root)  # an override may hold a whole stage
    varied, tried = grid(root, problems), trials(root, problems)
    if "tune" in root.entries:
        lived = max(1, len(varied)) * count(root, tried)
        few("the trials of tune at all points of vary", lived, root.entries["tune"].mark, problems)
    hidden(settings, varied, tried, problems)
    base = Problems()
    scenario = build(root, base, checks)
    problems.mistakes.update(base.mistakes)
    problems.notes.update({} if varied else base.notes)  # with vary, nobody lives the base
    points = [(describe(point), build(apply(root, point, problems), problems, checks)) for point in varied]
    for trial in tried:
        build(apply(root, trial, problems), problems, checks)
    if scenario is not None:
        scenario._points = tuple((point, built) for point, built in points if built is not None)
    return scenario


def _blamed(problems: Problems, file: Map, settings: Sequence[Setting], checks: Checks) -> dict[Problem, None]:
    """The mistakes, those of the file that would be none without a setting at that setting's place.

    That is the first with which, and with those before it, the mistake is there.
    """
    found: dict[Problem, Mark | None] = dict.fromkeys(problems.mistakes)
    clean = Problems()
    _laid_over(file, (), clean, checks)
    left = [one for one in found if one.line and one not in clean.mistakes]
    for many in range(1, len(settings) + 1):
        if not left:
            break
        own = Problems()
        _laid_over(file, settings[:many], own, checks)
        for one in [one for one in left if one in own.mistakes]:
            left.remove(one)
            found[one] = settings[many - 1].mark
    return {
        one if mark is None else Problem(mark.file, 0, 0, f"{one.message} ({one.file}:{one.line}:{one.column})"): None
        for one, mark in found.items()
    }


def points(scenario: Scenario) -> list[tuple[dict[str, Any], Scenario]]:
    """The grid of ``vary``: what each point sets, and the scenario there. One empty point without ``vary``."""
    return list(scenario._points) or [({}, scenario)]


def _read(path: Path, problems: Problems) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(4 * MOST_TEXT + 1)  # longer ones are refused, so that much is enough
    except OSError as error:
        problems.add(Mark(str(path)), f"can't be read: {error.strerror}")
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problems.add(Mark(str(path), line, column), f"not UTF-8 text: {error.reason}")
    return ""


def _tree(text: str, name: str, above: tuple[Path, ...], problems: Problems) -> Node | None:
    """The file's tree laid over that of the file it extends; None where that is missing: too little to judge by."""
    root = compose(text, name, problems)
    if root is not None and plain(root) in (None, {}):
        problems.add(Mark(name, 1, 1), "the file is empty; `devlearn new scenario NAME` writes one")
        return None
    if not isinstance(root, Map) or "extends" not in root.entries:
        return root
    node = root.entries["extends"].node
    rest = Map({key: entry for key, entry in root.entries.items() if key != "extends"}, root.mark)
    target = text_of(node)
    if problems.at(node.mark):
        return None
    if target is None:
        problems.add(node.mark, f"extends must be the path of a file, got {show(plain(node))}")
        return None
    base = Path(name).parent / target
    if not _is_file(base):
        why = (
            f"{base} {_no_file(base)}" if os.path.lexists(base) else f"there is no file {base} to extend{_beside(base)}"
        )
        problems.add(node.mark, why)
        return None
    here = (*above, Path(name).resolve())
    if base.resolve() in here:
        problems.add(node.mark, f"{target} extends this file in turn")
        return None
    if len(here) > MOST_BASES:
        problems.add(node.mark, f"more than {MOST_BASES} files extend each other; write some of them as one")
        return None
    below = _tree(_read(base, problems), str(base), here, problems)
    if not isinstance(below, Map):
        return below
    names = NewNames(merge(below, rest), problems)
    return merge(names.tree(below), names.tree(rest))


def _is_file(path: Path) -> bool:
    """Whether there is such a file; none has a name that the system refuses."""
    try:
        return path.is_file()
    except OSError:
        return False


def _beside(path: Path) -> str:
    """The end of a message about a missing file: the likeliest name in its folder."""
    names = [other.name for other in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    text = hint(path.name, names)
    return text if "did you mean" in text else ""
