"""Static files with hashed names, compressed once when they are collected."""

import brotli
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

BROTLI_QUALITY = 7  # the default 11 takes ten times as long at the first start, for files 4 % smaller
IMPORT = (
    r"""(?P<matched>import\s+(?P<import>\{[^}]*\})\s+from\s+["'](?P<url>\./[^"']+)["'];)""",
    """import %(import)s from "%(url)s";""",
)


class QuickCompressor(Compressor):
    """WhiteNoise's compressor with a sensible effort; source maps, which no visitor loads, stay as they are."""

    SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        return brotli.compress(data, quality=BROTLI_QUALITY)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """The storage of the product. Our modules import each other by hashed names too: no page mixes two releases.

    Django's own switch for that would read every library's comments as imports; hence our directory alone.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("app/*.js", (IMPORT,)))

    def create_compressor(self, *, extensions: tuple[str, ...] | None, quiet: bool) -> Compressor:
        return QuickCompressor(extensions=extensions, quiet=quiet)
