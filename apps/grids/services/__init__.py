"""Changes to the city's tree. Everything another room may do is here."""

from apps.grids.services.loading import CellRow, load_cells
from apps.grids.services.lock import bump_version, tree_lock

__all__ = ["CellRow", "bump_version", "load_cells", "tree_lock"]
