"""One root on one port: `/live/` goes to the feed's own ASGI application, every other path to Django's WSGI in threads.

Pages under Django's own ASGI handler are two to three times slower (measured: docs/adr/0007), and a feed under WSGI
would hold a thread for every open board. A proxy may split the two later; nothing here changes.
"""

import os
from typing import cast

from apps.common.one_port import OnePort
from apps.common.pages import Pages, WSGIApplication
from grid_mgmt.wsgi import application as wsgi  # sets Django up, which the feed's imports need

# isort: split
from apps.dispatch.live import LiveFeed
from grid_mgmt.warming import warm_up

THREADS = int(os.environ.get("WEB_THREADS", "4"))

application = OnePort(live=LiveFeed(), pages=Pages(cast(WSGIApplication, wsgi), THREADS), warm_up=warm_up)
