"""Files that a phone, or somebody worse, may send as a photo."""

import random
import struct
import zlib
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image


def jpeg(width: int = 640, height: int = 480, seed: int = 1) -> bytes:
    """A photo with some noise in it, so that two seeds are two photos."""
    noise = random.Random(seed).randbytes(width // 8 * (height // 8) * 3)
    picture = Image.frombytes("RGB", (width // 8, height // 8), noise).resize((width, height))
    written = BytesIO()
    picture.save(written, "JPEG", quality=85)
    return written.getvalue()


def photo(name: str = "photo.jpg", *, content: bytes | None = None, seed: int = 1) -> SimpleUploadedFile:
    """An upload; a real photo unless `content` is given."""
    return SimpleUploadedFile(name, jpeg(seed=seed) if content is None else content, content_type="image/jpeg")


def bomb(side: int = 30_000) -> bytes:
    """A PNG of a few hundred kilobytes that would unpack to gigabytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
