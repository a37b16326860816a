"""Text files are UTF-8, whatever the locale: each that is opened says so, and a run survives a locale that isn't."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for where in ("devlearn", "envs", "docs/devlearn_docs") for path in (ROOT / where).rglob("*.py"))
TEXT = {"open", "fdopen", "read_text", "write_text"}
POSIX = {"os.open", "gzip.open", "zipfile.open", "archive.open", "Image.open"}  # bytes by default


def without_encoding(source: str) -> Iterator[str]:
    """Calls that open a text file in the encoding of the locale."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        name = ast.unparse(node.func)
        if name.rpartition(".")[2] not in TEXT or name in POSIX or (name == "write_text" and len(node.args) == 2):
            continue  # write_text(path, text) is devlearn.records.atomic's
        words = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
        if not any(
            isinstance(word, ast.Constant) and word.value in ("wb", "rb", "ab", "r+b", "w+b", "xb") for word in words
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_a_call_without_encoding_is_seen() -> None:
    bad = 'open("a")\nopen(path, mode="w")\npath.read_text()\npath.write_text("a")\n'
    bad += 'os.fdopen(3, "w")\npath.open("a", newline="")'
    assert len(list(without_encoding(bad))) == 6
    good = 'open("a", "rb")\npath.open(mode="wb")\npath.read_text(encoding="utf-8")\nos.open(path, os.O_RDWR)'
    assert not list(without_encoding(good))


def test_every_text_file_is_opened_as_utf8() -> None:
    written = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}
    found = [f"{path}, {call}" for path, source in written.items() for call in without_encoding(source)]
    assert len(written) > 200
    assert not found, "write encoding='utf-8':\n" + "\n".join(found)


WRITE_AND_READ = r"""
import locale, sys
from pathlib import Path
import numpy as np
from devlearn.records import atomic, genome_file, reader, schema
from devlearn.records.layout import RunFolder
from devlearn.records.writer import Recorder

assert locale.getpreferredencoding(False).lower().replace("-", "") != "utf8", locale.getpreferredencoding(False)
run = RunFolder(Path(sys.argv[1]))
job = run.job("jobs/b/all")
job.root.mkdir(parents=True)
one = np.ones(1, int)
with Recorder(job.visit(0, "school", 0).root, (3,), "school", 0, ("größe",)) as recorder:
    recorder.train(one, dict.fromkeys(schema.LEDGER, one), {"größe": np.array([0.5])}, one)
    recorder.probe(one, "end", "zähler", {"schärfe": np.array([0.25])}, one)
    recorder.event(one, "passed", "größer ≥ 1", one)
atomic.write_json(job.state, schema.JobState(status="done").content())
visit = {"name": "school", "kind": "meins:Schüler", "budget": ["updates", 1], "branch": "b"}
resolved = schema.Resolved.of({
    "format": 1, "scenario": "ä", "digest": "", "about": "Größe – 学习", "seeds": [3], "brain": {},
    "probes": {"zähler": {"kind": "meins:Zähler", "metrics": {"schärfe": {"better": "higher"}}}},
    "points": [{"point": {}, "arms": {"a": {"path": ["b"], "stages": [visit]}}}],
    "jobs": [{"folder": "jobs/b/all", "branch": "b", "seeds": [3]}],
})
atomic.write_text(run.resolved, resolved.model_dump_json(by_alias=True))  # not escaped: UTF-8 on the disk
atomic.write_text(run.scenario, resolved.about)
found = reader.load(run.root)
assert found.resolved.about == resolved.about == run.scenario.read_bytes().decode("utf-8")
(moment,) = found.points[0].arms["a"].lives[3].moments
assert moment.values == {("zähler", "schärfe"): 0.25}, moment
table = job.visit(0, "school", 0).table("events")
assert table.read_bytes().decode("utf-8").endswith("größer ≥ 1\n")
assert [row["detail"] for row in reader.lines(table)] == ["größer ≥ 1"]
about = {"brain": {"kind": "meins:Größe"}, "ledger": {}, "lineage": ["größe"], "arm": "ä"}
path = genome_file.GenomeFile({"w": np.zeros(2)}, about).write(run.genomes / "a.genome.npz")
assert genome_file.read(path).about == about
"""


def test_a_run_is_written_and_read_under_a_locale_that_knows_no_umlaut(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    script = tmp_path / "script.py"
    script.write_text(WRITE_AND_READ, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "run")],
        env={**os.environ, **plain},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
