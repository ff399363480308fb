"""Changes to the city's tree. Everything another room may do is here."""

from apps.grids.services.boundaries import set_boundaries, set_boundary
from apps.grids.services.cells import close_cell, create_cell, delete_cell, move_cell, rename_cell
from apps.grids.services.loading import CellRow, load_cells
from apps.grids.services.lock import bump_version, tree_lock

__all__ = [
    "CellRow",
    "bump_version",
    "close_cell",
    "create_cell",
    "delete_cell",
    "load_cells",
    "move_cell",
    "rename_cell",
    "set_boundaries",
    "set_boundary",
    "tree_lock",
]
