"""Readers see the old file or the new one, whatever happens in between."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devlearn.records.atomic import read_json, remove_parts, replacing, write_bytes, write_json, write_text


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError, match="stop"), replacing(path, durable=True) as file:
        file.write(b"half")
        assert read_json(path) == {"a": 1}
        raise RuntimeError("stop")
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1} and os.listdir(tmp_path) == ["a.json"]


def test_a_killed_writer_leaves_the_old_file_and_its_part_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_bytes(path, b"old")
    code = (
        "import os, sys; from pathlib import Path; from devlearn.records.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as file: file.write(b'half'); file.flush(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == 9
    assert path.read_bytes() == b"old" and len(os.listdir(tmp_path)) == 2
    assert list(tmp_path.glob("*.pt")) == [path], "no reader takes the part for a file"
    remove_parts(tmp_path)
    assert os.listdir(tmp_path) == ["a.pt"]


def test_what_is_written_can_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "ä")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4"
