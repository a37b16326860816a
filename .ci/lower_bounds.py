"""The lowest versions that pyproject.toml allows, for pip: ``numpy>=2.0`` as ``numpy==2.0``.

Arguments are extras whose packages are told too.
"""

import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lowest(requirement: str) -> str:
    """Raises ValueError where a requirement has no single lower bound."""
    name, sign, version = requirement.partition(">=")
    if not sign or "," in version:
        raise ValueError(f"pyproject.toml: write one lower bound, NAME>=VERSION, not {requirement!r}")
    return f"{name}=={version}"


if __name__ == "__main__":
    extras = [needed for extra in sys.argv[1:] for needed in PROJECT["optional-dependencies"][extra]]
    print("\n".join(lowest(requirement) for requirement in (*PROJECT["dependencies"], *extras)))
