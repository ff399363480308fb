"""The peer under the same web server as ours: uvicorn, and a2wsgi with as many threads."""

import os
from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.peer.settings")

application = WSGIMiddleware(cast(WSGIApp, get_wsgi_application()), workers=int(os.environ.get("WEB_THREADS", "4")))
