"""What clients may ask of a server: how much, how many, and how slowly."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses

from fastapi import Request
from starlette.requests import ClientDisconnect

from tfpose.serving.metrics import Metrics

# Seconds for a body to arrive.
BODY_SECONDS = 30
# Bodies of the largest size that all bodies being read may fill together.
LARGEST_BODIES = 10
# Nginx's status of a request whose client has left; nobody receives it.
LEFT = 499


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits on requests.

    Attributes:
        body: bytes per request.
        queue: requests that are waiting or running at a time.
        people: people (or crops) per request.
    """

    body: int = 20_000_000
    queue: int = 32
    people: int = 50


class Refusal(Exception):
    """Refuses a request with an HTTP status and a reason."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


class Queue:
    """The requests whose bodies are here; refuses those beyond its length.

    Attributes:
        requests: those that wait or are answered.
        stopping: it refuses all others, because the server is about to end.
    """

    def __init__(self, length: int, metrics: Metrics):
        self.length, self.metrics = length, metrics
        self.requests: set[Request] = set()
        self.stopping = False

    @contextlib.asynccontextmanager
    async def place(self, request: Request):
        """Context in which a request has a place.

        Raises:
            Refusal: 503, there is none, even without those whose clients have left, or
                the server is stopping.
        """
        self.check_open()
        if len(self.requests) >= self.length:
            for other in list(self.requests):
                if await other.is_disconnected():
                    self.requests.discard(other)
        waiting = len(self.requests)
        if waiting >= self.length:
            raise Refusal(503, f"{waiting} requests are waiting, try again later")
        self.requests.add(request)
        self.metrics.waiting(len(self.requests))
        try:
            yield
        finally:
            self.requests.discard(request)
            self.metrics.waiting(len(self.requests))

    def check_open(self) -> None:
        """Raises Refusal, 503, if the server is stopping."""
        if self.stopping:
            raise Refusal(503, "the server is stopping")


class Bodies:
    """The bodies that are being read; refuses those that memory has no room for."""

    def __init__(self, limits: Limits):
        self.largest, self.room = limits.body, LARGEST_BODIES * limits.body

    async def read(self, request: Request) -> bytes:
        """Reads the body of a request.

        Raises:
            Refusal: 413 for one that is too long, 408 for one that takes too long, 503
                if other bodies fill the memory, 499 if the client leaves.
        """
        body = bytearray()
        too_long = Refusal(
            413, f"expected a body of at most {self.largest} bytes, found more"
        )
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.largest:
            raise too_long
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    self.room -= len(part)
                    body += part
                    if len(body) > self.largest:
                        raise too_long
                    if self.room < 0:
                        raise Refusal(503, "too many bodies at a time, try again later")
        except TimeoutError:
            reason = f"the body took longer than {BODY_SECONDS} s"
            raise Refusal(408, reason) from None
        except ClientDisconnect:
            raise Refusal(LEFT, "the client has left") from None
        finally:
            self.room += len(body)
        return bytes(body)
