"""Doors of this room: the phone."""
