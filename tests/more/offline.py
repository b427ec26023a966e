"""Put as `sitecustomize` on the path of Python and its kernels: no address but this machine's."""

import sys

HERE = ("localhost", "127.0.0.1", "::1", "", None)


def refuse(event, args):
    """Raise OSError when Python is about to look up, or send to, any other address."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and address[0] not in HERE:
            raise OSError(f"no network in this test: {event} to {address}")
    elif event == "socket.getaddrinfo" and args[0] not in (*HERE, b"localhost", b"127.0.0.1"):
        raise OSError(f"no network in this test: looked up {args[0]!r}")


sys.addaudithook(refuse)  # every thread, every library, and it cannot be taken off
