"""The tree in Django's admin. Every write goes through the services, under the tree's lock."""

from apps.grids.admin.boundaries import BoundaryAdmin
from apps.grids.admin.cells import GridAdmin
from apps.grids.admin.lineages import LineageAdmin

__all__ = ["BoundaryAdmin", "GridAdmin", "LineageAdmin"]
