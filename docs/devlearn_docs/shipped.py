"""The scenarios that are shipped, each with its question and its file."""

import yaml

from devlearn.scenario import library


def scenarios() -> str:
    parts = []
    for name, path in library().items():
        text = path.read_text(encoding="utf-8")
        about = yaml.safe_load(text).get("about", "")
        parts += [f"## {name}", about, f"```yaml\n{text}```"]
    return "\n\n".join(parts)
