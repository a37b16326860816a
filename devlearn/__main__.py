"""``python -m devlearn``."""

import os
import sys
from contextlib import suppress

if __name__ == "__main__":
    # Python puts the current folder in front of everything; a file there that is called like a library would be run.
    with suppress(FileNotFoundError):  # it may be gone
        if sys.path and sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
    from devlearn.cli import main

    main()
