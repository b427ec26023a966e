"""Between a page and its kernel, for JupyterLab's server."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Remembering(ZMQChannelsWebsocketConnection):
    """A connection that knows, when it is closed, in which protocol the last messages come.

    The server's own forgets it. At a restart of a kernel it then takes a message for one of the
    older protocol, reads a huge length in it, and grows by 3 gigabytes.
    """

    _agreed = None

    @property
    def subprotocol(self):
        self._agreed = super().subprotocol or self._agreed
        return self._agreed
