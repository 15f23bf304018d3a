"""``tfpose serve``: answers TensorFlow Serving's REST requests."""

from __future__ import annotations

from tfpose.cli import checks
from tfpose.cli.common import option, start_tensorflow, subcommand
from tfpose.errors import TfposeError
from tfpose.serving.folder import find_versions


def add(commands) -> None:
    """Adds the subcommand."""
    command = subcommand(
        commands,
        "serve",
        "answers TensorFlow Serving's REST requests",
        "A development server with the same paths and JSON, for several models and "
        "versions. Needs the extra serve.",
        "tfpose export --model-dir runs/mine --out models/mine\n"
        "  tfpose serve --models models",
    )
    text = "folder of NAME/VERSION/saved_model.pb; serve only models that you trust"
    option(command, "--models", "DIR", text, required=True)
    text = "address to listen on; anything but loopback exposes the server to the "
    text += "network"
    option(command, "--host", "ADDRESS", text, default="127.0.0.1")
    text = "port to listen on, 0 for any free one"
    option(command, "--port", "N", text, type=int, default=8501)
    text = "maximum number of requests at a time; the others get a 503"
    option(command, "--queue", "N", text, type=int, default=32)
    text = "largest request body in megabytes"
    option(command, "--max-body", "MB", text, type=float, default=20.0)
    text = "largest number of people in a request"
    option(command, "--max-people", "N", text, type=int, default=50)
    text = "processes that share the port, each with the models in its own memory; "
    text += "one batches best and keeps two to four cores busy"
    option(command, "--workers", "N", text, type=int, default=1)


def run(models, host, port, queue, max_body, max_people, workers) -> None:
    """Answers requests until SIGTERM or Ctrl-C."""
    checks.given(queue=queue, max_body=max_body, max_people=max_people, workers=workers)
    if not 0 <= port < 2**16:
        raise TfposeError(f"--port: expected 0 to 65535, found {port}")
    find_versions(models)
    import fastapi  # noqa: F401, fail before the slow start of TensorFlow
    import uvicorn  # noqa: F401

    if workers == 1:
        start_tensorflow()
    from tfpose.serving.limits import Limits
    from tfpose.serving.processes import serve

    limits = Limits(int(max_body * 1e6), queue, max_people)
    serve(models, host, port, limits, workers)
