"""Working skeletons for ``devlearn new``, each with its test: one folder for each of ``KINDS``.

A template is a file ``*.tmpl`` in the folder of its kind. In its text ``${snake}``, ``${Class}``, ``${dashed}``,
``${title}`` and ``${module}`` stand for ``spot_light``, ``SpotLight``, ``spot-light``, ``Spot light`` and
``spot_light_env``; in its file name ``NAME`` stands for ``spot_light``. A folder in that of its kind has files that
stand in for those of the same name: skeletons of environments with other spaces.
"""

import re
from importlib import resources
from pathlib import Path
from string import Template

KINDS = ("env", "stage", "prior", "brain", "probe", "executor", "section", "data", "scenario")
SPACES = ("box", "dict", "image", "text", "multidiscrete")  # of an environment's skeleton; the first is usual


class BadName(ValueError):
    """A name that can't be a Python module and class, or whose files exist."""


def words(name: str) -> list[str]:
    """``SpotLight``, ``spot-light`` and ``spot_light`` -> ``["spot", "light"]``.

    Raises:
        BadName: where a word doesn't begin with a letter or has other signs in it.
    """
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).replace("-", "_").lower().split("_")
    if not all(re.fullmatch(r"[a-z][a-z0-9]*", part) for part in parts):
        raise BadName(f"{name!r} can't be a name; use letters and digits, like spot_light or SpotLight")
    return parts


def substitutions(kind: str, name: str) -> dict[str, str]:
    """What the placeholders of a template stand for."""
    parts = words(name)
    snake = "_".join(parts)
    title = "".join(part.capitalize() for part in parts)
    written = {"dashed": "-".join(parts), "title": " ".join(parts).capitalize()}
    return {"snake": snake, "Class": title, "module": f"{snake}_{kind}", **written}


def render(kind: str, name: str, folder: Path, spaces: str = SPACES[0]) -> list[Path]:
    """Write the skeleton of ``kind`` (one of ``KINDS``) called ``name`` into ``folder``; returns the new files.

    ``spaces``: of an environment, one of ``SPACES``.

    Raises:
        BadName: the name can't be used, or a file of that name exists; nothing is written then.
    """
    values = substitutions(kind, name)
    own = resources.files(__name__).joinpath(kind)
    found = {entry.name: entry for entry in own.iterdir()}
    if spaces != SPACES[0]:
        found |= {entry.name: entry for entry in own.joinpath(spaces).iterdir()}
    texts = {
        folder / entry.removesuffix(".tmpl").replace("NAME", values["snake"]): Template(
            found[entry].read_text(encoding="utf-8")
        ).substitute(values)
        for entry in sorted(found)
        if entry.endswith(".tmpl")
    }
    taken = [path.name for path in texts if path.exists()]
    if taken:
        raise BadName(f"{', '.join(taken)} already here; nothing was written")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)
