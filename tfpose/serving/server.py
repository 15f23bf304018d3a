"""A development server with TensorFlow Serving's REST paths.

    POST /v1/models/NAME[/versions/V]:predict
    GET  /v1/models/NAME[/versions/V]             state of each version
    GET  /v1/models/NAME[/versions/V]/metadata    signatures' inputs and outputs
    GET  /healthz                                 names of the models

Without a version, the highest answers. Every error is {"error": one line}: 400 for a
bad request, 404 for an unknown model or path, 408 for a body that does not arrive, 413
for one that is too large, 503 if too many other requests are waiting. A client whose
body is still on its way takes no place of others, and who has left is not answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import sys

import anyio
import anyio.to_thread
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tfpose.errors import RequestError, ServingError
from tfpose.serving import rest_json
from tfpose.serving.connections import Connection
from tfpose.serving.models import Served, load_models

# Requests computed at once: one is read or written while another computes.
WORKERS = 2
# Seconds for a body to arrive.
BODY_SECONDS = 30
# Connections that may wait to be accepted.
BACKLOG = 128
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
    """The requests whose bodies are here; refuses those beyond its length."""

    def __init__(self, length: int):
        self.length = length
        self.requests: set[Request] = set()

    @contextlib.asynccontextmanager
    async def place(self, request: Request):
        """Context in which a request has a place.

        Raises:
            Refusal: 503, there is none, even without those whose clients have left.
        """
        if len(self.requests) >= self.length:
            for other in list(self.requests):
                if await other.is_disconnected():
                    self.requests.discard(other)
        waiting = len(self.requests)
        if waiting >= self.length:
            raise Refusal(503, f"{waiting} requests are waiting, try again later")
        self.requests.add(request)
        try:
            yield
        finally:
            self.requests.discard(request)


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


def application(models: dict[str, dict[int, Served]], limits: Limits) -> FastAPI:
    """Builds the app that serves loaded models.

    Args:
        models: from ``load_models``.
        limits: limits on requests.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    queue, bodies = Queue(limits.queue), Bodies(limits)
    workers = anyio.CapacityLimiter(WORKERS)

    @app.get("/healthz")
    async def health():
        return {"status": "ok", "models": sorted(models)}

    @app.post("/v1/models/{name}/versions/{version}:predict")
    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request, name: str, version: str | None = None):
        model = find(models, name, version)
        body = await bodies.read(request)
        async with queue.place(request), workers:
            if await request.is_disconnected():
                raise Refusal(LEFT, "the client has left")
            content = await anyio.to_thread.run_sync(answer, model, body, limits.people)
        return Response(content, media_type="application/json")

    @app.get("/v1/models/{name}/versions/{version}/metadata")
    @app.get("/v1/models/{name}/metadata")
    async def metadata(name: str, version: str | None = None):
        return metadata_of(find(models, name, version))

    @app.get("/v1/models/{name}/versions/{version}")
    @app.get("/v1/models/{name}")
    async def status(name: str, version: str | None = None):
        find(models, name, version)
        versions = sorted(models[name], reverse=True)
        versions = [int(version)] if version else versions
        return {"model_version_status": [status_of(number) for number in versions]}

    @app.exception_handler(Refusal)
    async def refuse(request: Request, error: Refusal):
        return JSONResponse({"error": error.reason}, error.status)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException):
        reason = f"Malformed request: {request.method} {request.url.path}"
        return JSONResponse({"error": reason}, error.status_code)

    @app.exception_handler(Exception)
    async def fail(request: Request, error: Exception):
        # Its traceback is in the server's log.
        return JSONResponse({"error": "the model or the server failed"}, 500)

    return app


def find(models: dict[str, dict[int, Served]], name: str, version: str | None):
    """Finds a version of a model, by default the highest.

    Raises:
        Refusal: 404, no such model or version.
    """
    versions = models.get(name, {})
    if version is None and versions:
        return versions[max(versions)]
    if version is not None and version.isdecimal() and int(version) in versions:
        return versions[int(version)]
    wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    raise Refusal(404, f"Servable not found for request: {wanted}")


def answer(model: Served, body: bytes, most: int) -> bytes:
    """Answers the body of a Predict request with the body of a response.

    Args:
        model: answers.
        body: of the request.
        most: people that may be asked about.

    Raises:
        Refusal: 400, with what is wrong.
    """
    try:
        request = rest_json.parse(body)
        inputs = rest_json.arrays(request, model.expected(request.signature))
        check_people(inputs, most)
        outputs = model(request.signature, inputs)
        rows = len(request.values) if request.layout == rest_json.ROWS else None
        content = rest_json.answer(outputs, request.layout, rows)
    except RequestError as error:
        raise Refusal(400, str(error)) from error
    return json.dumps(content).encode()


def check_people(inputs: dict, most: int) -> None:
    """Checks the length of arrays: each row is a person, and takes its time.

    Raises:
        RequestError: an array is longer than ``most``.
    """
    for name, array in inputs.items():
        if array.ndim and len(array) > most:
            raise RequestError(
                f"{name}: expected at most {most} people, found {len(array)}"
            )


def metadata_of(model: Served) -> dict:
    """A ``GetModelMetadataResponse``."""
    version = str(model.version)
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": model.metadata}},
    }


def status_of(version: int) -> dict:
    """The ``ModelVersionStatus`` of an available version."""
    status = {"error_code": "OK", "error_message": ""}
    return {"version": str(version), "state": "AVAILABLE", "status": status}


def serve(folder: str, host: str, port: int, limits: Limits) -> None:
    """Loads the models in a folder and serves them until interrupted.

    Args:
        folder: NAME/VERSION/saved_model.pb; serve only models that you trust, because
            a graph may read and write files.
        host: address to listen on.
        port: 0 picks a free one.
        limits: limits on requests.

    Raises:
        ServingError: nothing to serve, or the address is unavailable.
    """
    listening = listen(host, port)
    models = load_models(folder)
    address, port = listening.getsockname()[:2]
    address = f"[{address}]" if ":" in address else address
    for name, versions in models.items():
        for version, model in versions.items():
            signatures = ", ".join(sorted(model.signatures))
            print(f"{name} version {version}: {signatures}")
    print(f"serving on http://{address}:{port}", flush=True)
    # Ctrl-C is the normal way to stop; requests in progress were answered.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(application(models, limits))).run([listening])
    print("stopped", file=sys.stderr)


def configuration(app: FastAPI) -> uvicorn.Config:
    """How Uvicorn serves an app."""
    return uvicorn.Config(
        app, http=Connection, ws="none", log_level="warning", access_log=False
    )


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
