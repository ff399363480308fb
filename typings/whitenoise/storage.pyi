from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from whitenoise.compress import Compressor

class CompressedManifestStaticFilesStorage(ManifestStaticFilesStorage):
    def create_compressor(self, *, extensions: tuple[str, ...] | None, quiet: bool) -> Compressor: ...
