"""The scenarios that are shipped, each with its question and its file."""

import yaml

from devlearn.evidence.text.searched import how_searched
from devlearn.scenario import library, load


def scenarios() -> str:
    parts = []
    for name, path in library().items():
        text = path.read_text(encoding="utf-8")
        about = yaml.safe_load(text).get("about", "")
        parts += [f"## {name}", about, *filter(None, [how_searched(load(path).searched)]), f"```yaml\n{text}```"]
    return "\n\n".join(parts)
