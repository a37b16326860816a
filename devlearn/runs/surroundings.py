"""Where a run is made: the processor, and the commit of the working folder."""

import platform
import shutil
import subprocess
from pathlib import Path

CHANGED = ", with changes that are not committed"


def processor() -> str:
    """The processor's name, where the system has one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit(folder: Path) -> str:
    """The commit of the git repository that ``folder`` is in, and whether tracked files differ; empty outside one."""
    if shutil.which("git") is None:
        return ""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    return f"{found}{CHANGED * bool(_git(folder, 'status', '--porcelain', '--untracked-files=no'))}" if found else ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
