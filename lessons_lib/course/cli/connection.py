"""JupyterLab's connection to a kernel, which reads nothing more once it is closed."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Connection(ZMQChannelsWebsocketConnection):
    """A connection that leaves what comes after its end.

    The server's own reads on, as at the restart of a kernel, and has forgotten the protocol: it
    takes a wrong number for a length, and grows by three gigabytes.
    """

    def handle_incoming_message(self, incoming_msg):
        """Hand a message on to the kernel, unless the socket has been closed."""
        if self.websocket_handler.ws_connection is not None:
            super().handle_incoming_message(incoming_msg)
