"""The project package: settings, urls, celery, wsgi, asgi. It wires the rooms and holds no rule."""

from grid_mgmt.celery import app as celery_app

__all__ = ["celery_app"]
