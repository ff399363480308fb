"""Questions about the city's tree. Everything another room may ask is here."""

from apps.grids.selectors.location import (
    NotAPosition,
    OutsideCity,
    cells_beside,
    cells_within,
    locate,
    nearest_cells,
)
from apps.grids.selectors.tree import CellInfo, TreeIndex, tree
from apps.grids.selectors.versions import boundary_version

__all__ = [
    "CellInfo",
    "NotAPosition",
    "OutsideCity",
    "TreeIndex",
    "boundary_version",
    "cells_beside",
    "cells_within",
    "locate",
    "nearest_cells",
    "tree",
]
