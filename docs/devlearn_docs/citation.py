"""CITATION.cff as BibTeX."""

from pathlib import Path

import yaml

FILE = Path(__file__).parents[2] / "CITATION.cff"


def citation() -> str:
    """An entry for the version that CITATION.cff names."""
    said = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    authors = " and ".join(
        f"{{{one.get('name') or one['given-names'] + ' ' + one['family-names']}}}" for one in said["authors"]
    )
    fields = {"title": said["title"], "author": authors, "version": str(said["version"]), "note": said["license"]}
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items()]
    return "\n".join(["```bibtex", "@software{devlearn,", *lines, "}", "```"])
