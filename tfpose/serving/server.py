"""A development server with TensorFlow Serving's REST paths.

    POST /v1/models/NAME[/versions/V]:predict
    GET  /v1/models/NAME[/versions/V]             state of each version
    GET  /v1/models/NAME[/versions/V]/metadata    signatures' inputs and outputs
    GET  /healthz                                 names of the models
    GET  /metrics                                 counts, for Prometheus

Without a version, the highest answers. Every error is {"error": one line}: 400 for a
bad request, 404 for an unknown model or path, 408 for a body that does not arrive, 413
for one that is too large, 503 if too many other requests are waiting or the server is
stopping. A client whose body is still on its way takes no place of others, and who has
left is not answered.

A request is parsed, and its people are cropped, in one of a few threads; the network
then sees the people of all requests that wait (``batches``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from tfpose.errors import RequestError
from tfpose.serving import rest_json
from tfpose.serving.batches import Batcher, Job
from tfpose.serving.connections import Connection
from tfpose.serving.limits import LEFT, Bodies, Limits, Queue, Refusal
from tfpose.serving.metrics import Metrics
from tfpose.serving.models import Served, load_models

# Requests parsed and cropped at once, beside the network.
THREADS = 2
# Seconds between looks whether a client whose answer is computed has left.
LOOK_SECONDS = 0.5
# Seconds for bodies that are on their way when the server stops.
LAST_SECONDS = 5
METRICS_TYPE = "text/plain; version=0.0.4"


def application(
    models: dict[str, dict[int, Served]],
    limits: Limits,
    metrics: Metrics | None = None,
) -> FastAPI:
    """Builds the app that serves loaded models; its ``state.queue`` is the ``Queue``.

    Args:
        models: from ``load_models``.
        limits: limits on requests.
        metrics: what to count with; default: counts of this app alone.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    metrics = metrics or Metrics()
    queue, bodies = Queue(limits.queue, metrics), Bodies(limits)
    app.state.queue = queue
    threads, batcher = anyio.CapacityLimiter(THREADS), Batcher(metrics)

    @app.get("/healthz")
    async def health():
        queue.check_open()
        return {"status": "ok", "models": sorted(models)}

    @app.get("/metrics")
    async def counts():
        return PlainTextResponse(metrics.text(), media_type=METRICS_TYPE)

    @app.post("/v1/models/{name}/versions/{version}:predict")
    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request, name: str, version: str | None = None):
        with counted(metrics):
            queue.check_open()
            model = find(models, name, version)
            body = await bodies.read(request)
            async with queue.place(request):
                async with threads:
                    await check_there(request)
                    question, job = await anyio.to_thread.run_sync(
                        ask, model, body, limits.people, batcher
                    )
                outputs = await answered(request, batcher.submit(job))
                content = response(question, outputs)
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


@contextlib.contextmanager
def counted(metrics: Metrics):
    """Context that counts a predict request, by how it ends."""
    began, status = time.monotonic(), 500
    try:
        yield
        status = 200
    except Refusal as error:
        status = error.status
        raise
    finally:
        metrics.request(status, time.monotonic() - began)


async def check_there(request: Request) -> None:
    """Raises Refusal, 499, if the client has left."""
    if await request.is_disconnected():
        raise Refusal(LEFT, "the client has left")


def ask(
    model: Served, body: bytes, most: int, batcher: Batcher
) -> tuple[rest_json.Request, Job]:
    """What the body of a Predict request asks the network.

    Args:
        model: answers.
        body: of the request.
        most: people that may be asked about.
        batcher: has room for the people.

    Raises:
        Refusal: 400, with what is wrong.
    """
    try:
        request = rest_json.parse(body)
        inputs = rest_json.arrays(request, model.expected(request.signature))
        check_people(inputs, most)
        batcher.wait_for_room()
        return request, model.job(request.signature, inputs)
    except RequestError as error:
        raise Refusal(400, str(error)) from error


async def answered(request: Request, answer) -> dict:
    """The outputs of a job, unless the client leaves before.

    Raises:
        Refusal: 400, the graph rejects the inputs; 499, the client has left.
    """
    answer = asyncio.wrap_future(answer)
    while not answer.done():
        await asyncio.wait([answer], timeout=LOOK_SECONDS)
        if not answer.done() and await request.is_disconnected():
            answer.cancel()
            raise Refusal(LEFT, "the client has left")
    try:
        return answer.result()
    except RequestError as error:
        raise Refusal(400, str(error)) from error


def response(request: rest_json.Request, outputs: dict) -> bytes:
    """The body of a response.

    Raises:
        Refusal: 400, the outputs do not fit into the request's layout.
    """
    rows = len(request.values) if request.layout == rest_json.ROWS else None
    try:
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


class Server(uvicorn.Server):
    """Ends after SIGTERM or Ctrl-C as soon as it has answered what it had accepted.

    Until then, it answers new requests with 503. A second signal ends it at once.

    Args:
        app: from ``application``.
    """

    def __init__(self, app: FastAPI):
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=LAST_SECONDS,
            )
        )
        self.queue: Queue = app.state.queue

    def handle_exit(self, sig, frame) -> None:
        if self.queue.stopping:
            super().handle_exit(sig, frame)
        self.queue.stopping = True

    async def on_tick(self, counter: int) -> bool:
        if self.queue.stopping and not self.queue.requests:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(
    folder: str,
    listening: socket.socket,
    limits: Limits,
    ready: Callable[[list[str]], None],
    metrics: Metrics | None = None,
) -> None:
    """Loads the models in a folder and serves them until a signal ends it.

    Args:
        folder: NAME/VERSION/saved_model.pb; serve only models that you trust, because
            a graph may read and write files.
        listening: from ``connections.listen``.
        limits: limits on requests.
        ready: is called with a line about each version before requests are answered.
        metrics: what to count with.

    Raises:
        ServingError: nothing to serve.
    """
    models = load_models(folder)
    ready(
        [
            f"{name} version {version}: {', '.join(sorted(model.inputs))}"
            for name, versions in models.items()
            for version, model in versions.items()
        ]
    )
    Server(application(models, limits, metrics)).run([listening])
