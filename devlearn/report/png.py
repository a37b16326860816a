"""Small PNG files from arrays of bytes, without a library: the same bytes for the same picture everywhere."""

import base64
import struct
import zlib

from devlearn.records.arrays import Array

GREY, RGB = 0, 2


def png(image: Array) -> bytes:
    """A PNG of (H, W) grey or (H, W, 3) colour, uint8."""
    height, width = image.shape[:2]
    kind = RGB if image.ndim == 3 else GREY
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def data_uri(image: Array) -> str:
    """The PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()
