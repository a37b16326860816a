"""Identities: the checksum of what something is made of."""

import hashlib
import json
from typing import Any


def digest(content: Any) -> str:
    """sha256 of canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
