"""The socket through which workers send answered requests to the shadow.

It keeps messages apart and holds a bounded number of bytes. If it is full, the worker drops the message: no request
waits for the shadow, and no process for another.
"""

from __future__ import annotations

import contextlib
import pickle
import socket

from podium.serving.messages import AnsweredRequest

#: Bytes that the socket may hold, if the system allows that many, and the most bytes of one message.
BUFFER, LARGEST = 4 * 2**20, 2**20


def create() -> tuple[socket.socket, socket.socket]:
    """Return the socket that workers write to and the socket that the shadow reads from."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # If the system allows less, often 200 kB, larger requests are dropped.
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    sender.setblocking(False)
    return sender, receiver


class ShadowSender:
    """Sends a worker's answered requests to the shadow, or drops and counts them.

    Parameters
    ----------
    sender : socket.socket
        The socket to write to.
    """

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender
        self._dropped = 0

    def send(self, version: int, body: bytes, content_type: str, response: bytes, seconds: float) -> bool:
        """Send an answered request and return whether there was room for it."""
        message = AnsweredRequest(version, body, content_type, response, seconds, self._dropped)
        if len(body) + len(response) < LARGEST:
            with contextlib.suppress(OSError):  # the socket is full
                self._sender.send(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
                self._dropped = 0
                return True
        self._dropped += 1
        return False
