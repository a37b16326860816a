"""``python -m devlearn``."""

from devlearn.cli import main

if __name__ == "__main__":
    main()
