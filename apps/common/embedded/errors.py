"""What can be wrong with the private servers, each with one sentence for the person at the terminal."""


class ServerTrouble(RuntimeError):
    """The private servers cannot be used; the message is one plain sentence that says what to do."""


class ProgramMissing(ServerTrouble):
    """A server's program is neither in the wheel nor where the environment says."""


class PlaceUnusable(ServerTrouble):
    """A directory the servers need cannot be used: rights, owner, kind, or a full disk."""


class ServerDidNotStart(ServerTrouble):
    """The program ended, or stayed silent, before it answered."""
