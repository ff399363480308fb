"""Whether a kept connection still lives, asked of the socket and not of the server: no round trip per request."""

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but for the health check, and knowing which statements its connection has prepared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: set[str] = set()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 - as Django's
        """A connection on which nothing is prepared yet."""
        self.prepared.clear()
        return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Return whether the connection can be used.

        A server that ended has closed the socket, which can then be read (its end). Silence means health; anything
        that can be read, or an earlier error, is asked of the server as Django would.
        """
        if self.connection is None or self.connection.closed:
            return False
        if self.errors_occurred or self._has_something_to_read():
            return super().is_usable()
        return True

    def _has_something_to_read(self) -> bool:
        poll = select.poll()  # select() itself refuses descriptors above 1023
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
