"""The part of the documentation that is generated: ``<!-- generate: NAME -->`` in a page becomes what NAME makes.

The pages are generated when they are read, from the models, docstrings and commands of the package that is imported,
so that nothing is written down twice.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = re.compile(r"^<!-- generate: (\w+)(?: (\S+))? -->$", re.MULTILINE)
PLUG_IN = re.compile(r"# Plug in (?:an?|your own) (.+)")
OUTSIDE = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["'](?:https?:)?//[^"']*["'][^>]*>""")


def generators() -> dict[str, Callable[..., str]]:
    """What a mark may name."""
    from devlearn_docs import (
        chaos,
        citation,
        commands,
        faces,
        fields,
        gallery,
        gpu,
        kinds,
        rooms,
        scenario_keys,
        updates,
    )

    return {
        "stages": kinds.stages,
        "probes": kinds.probes,
        "protections": kinds.protections,
        "brains": kinds.brains,
        "sections": kinds.sections,
        "environments": kinds.environments,
        "data": kinds.data,
        "scenario_keys": scenario_keys.scenario_keys,
        "plugin_names": faces.plugin_names,
        "shared_names": faces.shared_names,
        "chaos": chaos.chaos,
        "commands": commands.commands,
        "compiled": updates.compiled,
        "convolutions": updates.convolutions,
        "citation": citation.citation,
        "gallery": gallery.gallery,
        "gpu": gpu.gpu,
        "fields": fields.fields,
        "exported": fields.exported,
        "rooms": rooms.rooms,
    }


def fill(text: str) -> str:
    """A page with its marks replaced."""
    return MARK.sub(lambda found: generators()[found[1]](*filter(None, [found[2]])), text)


def indexed(text: str) -> str:
    """A page on plugging something in, with what a search may call it: the search leaves out the word ``own``."""
    found = PLUG_IN.match(text)
    if found is None:
        return text
    return f"{found[0]}\n\n```{{index}} ! own {found[1]}, ! custom {found[1]}\n```\n{text[found.end() :]}"


def _write(app: Any) -> None:
    from devlearn_docs import library

    library.write(Path(app.srcdir))


def _read(app: Any, name: str, source: list[str]) -> None:
    source[0] = fill(indexed(source[0]))


def _shapes(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """``(N, *shape)`` in a docstring is a shape, and no beginning of an emphasis."""
    for k, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
        lines[k] = "``".join(parts)


def _signature(app: Any, what: str, name: str, thing: Any, *_: Any) -> tuple[str, None] | None:
    """A model's keys stand in the tables of the reference; its long signature would only repeat them."""
    return ("", None) if what == "class" and hasattr(thing, "model_fields") else None


def outside(html: str) -> list[str]:
    """The tags of a page that would make a browser ask another server."""
    return [tag for tag in OUTSIDE.findall(html) if 'rel="canonical"' not in tag]


def _check(app: Any, error: Exception | None) -> None:
    """Every page that was built is self-contained."""
    if error is not None or app.builder.format != "html":
        return
    from sphinx.errors import ExtensionError

    for path in Path(app.outdir).rglob("*.html"):
        if tags := outside(path.read_text(encoding="utf-8")):
            raise ExtensionError(f"{path.name} asks another server: {tags[0]}")
    for path in Path(app.outdir).rglob("*.css"):
        if re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text(encoding="utf-8")):
            raise ExtensionError(f"{path.name} asks another server")


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", _write)
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _shapes, priority=400)  # before napoleon adds markup of its own
    app.connect("autodoc-process-signature", _signature)
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
