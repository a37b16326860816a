"""A file that others print into keeps its beginning and its end, whoever writes it and whenever it is cut."""

import subprocess
import sys
import threading
from pathlib import Path

from devlearn.records.bounded import HEAD, LEFT_OUT, MOST, TAIL, bounded, cut

MB = 2**20
PRINTS = """
import os
os.write(1, b"the first line\\n")
for _ in range(40):
    os.write(1, b"." * 2**20)
os.write(1, b"\\nthe last line\\n")
"""


def test_a_short_file_and_none_at_all_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    assert cut(file) == 0 and not file.exists()
    file.write_bytes(b"x" * MOST)
    assert cut(file) == 0 and file.stat().st_size == MOST


def test_beginning_and_end_are_kept_to_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    content = bytes(range(256)) * (MOST // 256) + b"the end"
    file.write_bytes(content)
    assert cut(file) == len(content) - HEAD - TAIL
    assert file.read_bytes() == content[:HEAD] + LEFT_OUT + content[-TAIL:]


def test_what_another_process_prints_is_bounded_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    threads = threading.active_count()
    with bounded(file) as left_out, file.open("ab") as out:
        subprocess.run([sys.executable, "-c", PRINTS], stdout=out, check=True)
    kept = file.read_bytes()
    assert kept.startswith(b"the first line\n") and kept.endswith(b"\nthe last line\n")
    assert LEFT_OUT in kept and len(kept) <= MOST
    assert left_out.bytes > 30 * MB
    assert threading.active_count() == threads
