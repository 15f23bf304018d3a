"""Where the development server listens, and connections that do not wait for ever."""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

from tfpose.errors import ServingError

# Seconds for the first request's headers to arrive.
HEADER_SECONDS = 10
# Seconds after a response for the headers of the next request.
KEEP_ALIVE_SECONDS = 30
# Open connections; a process may usually have 1,024 files open.
MOST_CONNECTIONS = 512
# Connections that may wait to be accepted.
BACKLOG = 128


class Connection(H11Protocol):
    """Closes itself if the headers of a request do not arrive in time.

    Uvicorn closes idle connections only after a first response, and a single byte
    stops that clock.
    """

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        self._expect(HEADER_SECONDS)

    def on_response_complete(self) -> None:
        self._expect(KEEP_ALIVE_SECONDS)
        super().on_response_complete()

    def connection_lost(self, exc) -> None:
        self.deadline.cancel()
        super().connection_lost(exc)

    def _expect(self, seconds: float) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = self.loop.call_later(seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if not answering:
            self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """Opens a listening socket.

    Raises:
        ServingError: the address is unavailable.
    """
    listening = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # Clients that connect while models load have to wait.
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        if listening is not None:
            listening.close()
        reason = getattr(error, "strerror", None) or error
        raise ServingError(f"{host} port {port}: cannot listen: {reason}") from error
    return listening


def address_of(listening: socket.socket) -> str:
    """What clients write: ``http://127.0.0.1:8501``."""
    address, port = listening.getsockname()[:2]
    address = f"[{address}]" if ":" in address else address
    return f"http://{address}:{port}"
