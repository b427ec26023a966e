"""JupyterLab's connection to a kernel, which still knows at its end how it began."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Connection(ZMQChannelsWebsocketConnection):
    """A connection that reads its last messages as it has read all others.

    The server's own forgets, once its socket is closed, on which protocol it had agreed. What comes
    late, as at the restart of a kernel, is then misread: a number in it is taken for a length, the
    server grows by three gigabytes, and the cells that were to run never do.
    """

    _agreed = None

    def connect(self):
        """Begin, and remember the protocol."""
        self._agreed = super().subprotocol
        return super().connect()

    @property
    def subprotocol(self):
        """The protocol that was agreed on; None is the oldest one."""
        return self._agreed
