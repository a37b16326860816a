"""Run the notebooks of the documentation, each in an empty folder, and keep what they print.

    python docs/devlearn_docs/notebooks.py    (make notebooks)

Building the documentation runs none: it shows what the files hold. A test runs their cells.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "notebooks"
MAGIC = "%%writefile "


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.ipynb"))


def cells(path: Path) -> Iterator[tuple[str, str]]:
    """The code of each cell of a notebook and the text that it is shown to print."""
    import json

    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            streams = [one for one in cell["outputs"] if one["output_type"] == "stream" and one["name"] == "stdout"]
            yield "".join(cell["source"]), "".join("".join(one["text"]) for one in streams)


def execute(path: Path) -> None:
    """Run a notebook from its first cell to its last and write what came out into it."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, record_timing=False, resources={"metadata": {"path": folder}}).execute()
    notebook.metadata.get("language_info", {}).pop("version", None)
    nbformat.write(notebook, path)


def main() -> int:
    for path in files():
        execute(path)
        print(f"ran {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
