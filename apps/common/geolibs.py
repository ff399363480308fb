"""Where GDAL and GEOS are: the system's, or those inside the wheels of pyogrio and shapely.

django-leaflet's forms import GeoDjango, which refuses to start without GDAL (docs/adr/0006).
"""

import importlib.util
from ctypes.util import find_library
from pathlib import Path


class GeoLibraryMissing(RuntimeError):
    """Neither the system nor the wheel has the library."""


def find_geo_libraries() -> tuple[str | None, str | None]:
    """Return the paths of (GDAL, GEOS); None where Django finds the system's own library by itself."""
    return _find("gdal", "pyogrio", "libgdal-*"), _find("geos_c", "shapely", "libgeos_c-*")


def _find(system_name: str, package: str, pattern: str) -> str | None:
    if find_library(system_name):
        return None
    spec = importlib.util.find_spec(package)
    if spec and spec.origin:
        home = Path(spec.origin).parent
        for folder in (home.parent / f"{package}.libs", home / ".dylibs"):
            for file in sorted(folder.glob(pattern)):
                return str(file)
    raise GeoLibraryMissing(
        f"{system_name} was not found on this system nor in the {package} wheel: "
        f"install the pinned {package} wheel or the system's library."
    )
