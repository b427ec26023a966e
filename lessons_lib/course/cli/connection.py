"""JupyterLab's connection to a kernel, which still knows at its end how it began."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Connection(ZMQChannelsWebsocketConnection):
    """A connection that reads its last messages as it has read all others.

    The server's own forgets, once it is closed, on which protocol it had agreed. What comes late,
    as at the restart of a kernel, is then read in the older one: a wrong number in it is taken for
    a length, and the server grows by three gigabytes.
    """

    _agreed = None

    @property
    def subprotocol(self):
        """The protocol that was agreed on; None is the older one."""
        self._agreed = super().subprotocol or self._agreed
        return self._agreed
