"""The development server, the clients of deploy/ and the warm-up requests.

All of one exported refiner, over real sockets.
"""

import asyncio
import base64
import concurrent.futures
import contextlib
import dataclasses
import importlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import cv2
import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from tests.inference.test_refine_files import CONFIG, draw_photo
from tests.support.contracts import fill_weights
from tfpose.errors import RequestError, ServingError
from tfpose.exporting import savedmodel, warm_up
from tfpose.models import table
from tfpose.serving import connections, limits, server
from tfpose.serving.limits import Limits
from tfpose.serving.models import check_pixels, load_models

pytestmark = pytest.mark.slow
MODEL, BODY = "posefix", 400_000
PHOTO = cv2.imencode(".jpg", draw_photo(3))[1].tobytes()


class Shift(tf.Module):
    """An earlier version, made by hand: everybody moves to the right."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((), tf.string, "image_bytes"),
            tf.TensorSpec((None, 14, 2), tf.float32, "keypoints"),
            tf.TensorSpec((None, 14), tf.float32, "valid"),
        ]
    )
    def refine_photo(self, image_bytes, keypoints, valid):
        return {"keypoints": keypoints + [1.0, 0.0], "scores": valid}


@pytest.fixture(scope="module")
def folder(nano_trunk, tmp_path_factory):
    """posefix/1 and posefix/12, which answer differently, and files in the way."""
    folder = tmp_path_factory.mktemp("models")
    shift = Shift()
    tf.saved_model.save(
        shift, str(folder / MODEL / "1"), {"refine_photo": shift.refine_photo}
    )
    model = fill_weights(table.build_model(configuration()))
    written = savedmodel.write_servable(model, configuration(), folder / MODEL / "12")
    assert written == {"warm_up_requests": 4}
    (folder / MODEL / "parity.json").write_text("{}")
    (folder / "notes.txt").write_text("of somebody")
    return folder


def configuration():
    network = {**CONFIG.network, "trunk": "nano", "filters": (4, 4, 4)}
    return dataclasses.replace(CONFIG, network=network)


@pytest.fixture(scope="module")
def models(folder):
    return load_models(folder)


@pytest.fixture(scope="module")
def address(models):
    """Of a server on a free port, with small limits."""
    running, thread, address = start(models)
    yield address
    running.should_exit = True
    thread.join(10)


def start(models):
    listening = connections.listen("127.0.0.1", 0)
    running = server.Server(
        server.application(models, Limits(body=BODY, queue=8, people=6))
    )
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    return running, thread, connections.address_of(listening)


def question(people=2, **changed):
    keypoints = np.random.default_rng(people).uniform(20, 100, (people, 14, 2))
    inputs = {
        "image_bytes": {"b64": base64.b64encode(PHOTO).decode()},
        "keypoints": keypoints.tolist(),
        "valid": np.ones((people, 14)).tolist(),
    }
    return {"signature_name": "refine_photo", "inputs": {**inputs, **changed}}


def direct(models, version, body):
    """The answer of the SavedModel itself."""
    inputs = body["inputs"]
    found = models[MODEL][version].signatures["refine_photo"](
        image_bytes=tf.constant(base64.b64decode(inputs["image_bytes"]["b64"])),
        keypoints=tf.constant(np.float32(inputs["keypoints"]).reshape(-1, 14, 2)),
        valid=tf.constant(np.float32(inputs["valid"]).reshape(-1, 14)),
    )
    return {name: value.numpy() for name, value in found.items()}


def post(address, body, path=f"/v1/models/{MODEL}:predict", **more):
    sent = {"json": body} if isinstance(body, dict) else {"data": body}
    return requests.post(address + path, timeout=60, **sent, **more)


# --- answers ---------------------------------------------------------------------


@pytest.mark.parametrize("people", [0, 1, 3])
def test_answers_are_those_of_the_saved_model(address, models, people):
    body = question(people)
    outputs = post(address, body).json()["outputs"]
    expected = direct(models, 12, body)
    assert set(outputs) == {"keypoints", "scores"}
    for name, values in expected.items():
        found = np.reshape(outputs[name], values.shape)
        np.testing.assert_allclose(found, values, atol=1e-4)


def test_versions_answer_by_their_numbers_and_the_largest_by_none(address, models):
    body = question()
    for version, path in ((1, "/versions/1"), (12, "/versions/12"), (12, "")):
        response = post(address, body, f"/v1/models/{MODEL}{path}:predict")
        found = np.array(response.json()["outputs"]["keypoints"])
        expected = direct(models, version, body)["keypoints"]
        np.testing.assert_allclose(found, expected, atol=1e-3)
    differ = (
        direct(models, 1, body)["keypoints"] - direct(models, 12, body)["keypoints"]
    )
    assert np.abs(differ).max() > 1


def test_crops_in_rows_and_in_columns_get_the_same_answers(address, folder):
    asked = warm_up.read(folder / MODEL / "12")
    inputs = [inputs for name, inputs in asked if name == "serving_default"][-1]
    columns = {name: value.tolist() for name, value in inputs.items()}
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    outputs = post(address, {"inputs": columns}).json()["outputs"]
    predictions = post(address, {"instances": rows}).json()["predictions"]
    assert len(predictions) == len(rows) == 3
    for row, prediction in enumerate(predictions):
        for name, value in prediction.items():
            np.testing.assert_allclose(value, outputs[name][row], atol=1e-4)


def test_status_metadata_and_health(address):
    def get(path):
        return requests.get(address + path, timeout=10).json()

    assert get("/healthz") == {"status": "ok", "models": [MODEL]}
    versions = get(f"/v1/models/{MODEL}")["model_version_status"]
    assert [version["version"] for version in versions] == ["12", "1"]
    assert versions[0]["state"] == "AVAILABLE"
    one = get(f"/v1/models/{MODEL}/versions/1")["model_version_status"]
    assert [version["version"] for version in one] == ["1"]
    metadata = get(f"/v1/models/{MODEL}/versions/12/metadata")
    assert metadata["model_spec"]["version"] == "12"
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"serving_default", "refine_photo"}
    keypoints = signatures["refine_photo"]["inputs"]["keypoints"]
    assert keypoints["dtype"] == "DT_FLOAT"
    sizes = [dimension["size"] for dimension in keypoints["tensor_shape"]["dim"]]
    assert sizes == ["-1", "14", "2"]
    assert signatures["refine_photo"]["method_name"] == "tensorflow/serving/predict"


# --- refusals --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, words",
    [
        (b"{", "JSON Parse error"),
        ({"inputs": 1, "signature_name": "none"}, r"expected one of \['refine_photo'"),
        (question(valid=[[1.0] * 14]), "keypoints and valid differ"),
        (question(keypoints=[[[1.0, 2.0]] * 17]), r"expected the shape \[any, 14, 2\]"),
        (
            question(image_bytes={"b64": ""}),
            "expected a JPEG or PNG, found an empty file",
        ),
        (
            question(image_bytes={"b64": base64.b64encode(PHOTO[:900]).decode()}),
            "refine_photo: .*JPEG",
        ),
    ],
)
def test_bad_requests_get_400_and_one_line(address, body, words):
    response = post(address, body)
    assert response.status_code == 400
    assert re.search(words, response.json()["error"])
    assert "\n" not in response.json()["error"]
    assert post(address, question()).ok


@pytest.mark.parametrize(
    "path, words",
    [
        ("/v1/models/other:predict", r"Servable not found.*Latest\(other\)"),
        (f"/v1/models/{MODEL}/versions/3:predict", r"Specific\(posefix, 3\)"),
        (f"/v1/models/{MODEL}/versions/x:predict", r"Specific\(posefix, x\)"),
        (f"/v1/models/{MODEL}:classify", "Malformed request: POST"),
        ("/", "Malformed request: POST /"),
    ],
)
def test_unknown_models_and_paths_get_an_error(address, path, words):
    response = post(address, question(), path)
    assert response.status_code in (404, 405)
    assert re.search(words, response.json()["error"])


def test_a_body_that_is_too_large_is_not_read(address):
    response = post(address, b"x" * (BODY + 1))
    assert response.status_code == 413 and str(BODY) in response.json()["error"]
    chunks = (b"x" * 50_000 for _ in range(20))
    assert post(address, chunks).status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        assert b" 408 " in connection.recv(1000)


def connect(address):
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(length: int) -> bytes:
    lines = f"POST /v1/models/{MODEL}:predict HTTP/1.1", "Host: x"
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def test_clients_whose_bodies_are_on_their_way_take_no_place_of_others(address):
    waiting = [connect(address) for _ in range(20)]
    for connection in waiting:
        connection.sendall(head(100))
    assert post(address, question()).ok
    for connection in waiting:
        connection.close()


@pytest.fixture
def slow(monkeypatch):
    """Every request waits for this event; the requests begun so far."""
    go, begun = threading.Event(), []
    ask = server.ask

    def wait(*arguments):
        begun.append(arguments)
        go.wait(10)
        return ask(*arguments)

    monkeypatch.setattr(server, "ask", wait)
    yield go, begun
    go.set()


def test_requests_beyond_the_queue_are_told_to_come_back(address, slow):
    go, _ = slow
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(post, address, question()) for _ in range(12)]
        done, _ = concurrent.futures.wait(
            sent, timeout=10, return_when="FIRST_COMPLETED"
        )
        assert done.pop().result().status_code == 503
        go.set()
        codes = sorted(future.result().status_code for future in sent)
    assert codes == [200] * 8 + [503] * 4
    assert post(address, question()).ok


def test_who_has_left_is_not_answered_and_nothing_is_said(address, slow, capfd):
    go, begun = slow
    body = json.dumps(question()).encode()
    waiting = [connect(address) for _ in range(7)]
    for connection in waiting[:6]:
        connection.sendall(head(len(body)) + body)
    waiting[6].sendall(head(len(body)) + body[:50])  # leaves in the middle of its body
    while len(begun) < server.THREADS:
        time.sleep(0.01)
    for connection in waiting:
        connection.close()
    time.sleep(0.2)
    # Those who have left take none of the 8 places.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(post, address, question()) for _ in range(8)]
        time.sleep(0.5)
        go.set()
        assert all(future.result().ok for future in sent)
    assert len(begun) == server.THREADS + 8
    assert capfd.readouterr().err == ""


def test_a_request_about_too_many_people_is_refused(address):
    response = post(address, question(7))
    assert response.status_code == 400
    assert ": expected at most 6 people, found 7" in response.json()["error"]
    assert post(address, question(6)).ok


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost:"])
def test_headers_that_do_not_come_are_not_waited_for(address, monkeypatch, sent):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    with connect(address) as connection:
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_a_connection_stays_for_the_next_request_and_no_longer(address, monkeypatch):
    monkeypatch.setattr(connections, "KEEP_ALIVE_SECONDS", 0.3)
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(address) as connection:
        for _ in range(2):
            connection.sendall(request)
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(1000)
        connection.sendall(request[:20])
        assert connection.recv(1000) == b""


def test_bodies_that_fill_the_memory_are_told_to_come_back(address, monkeypatch):
    monkeypatch.setattr(limits, "LARGEST_BODIES", 2)
    bodies = limits.Bodies(Limits(body=10))

    class Stream:
        headers = {}

        def __init__(self, *parts):
            self.parts = parts

        async def stream(self):
            for part in self.parts:
                yield part

    async def read():
        bodies.room = 3  # others have the rest
        with pytest.raises(limits.Refusal, match="too many bodies"):
            await bodies.read(Stream(b"ab", b"cd"))
        assert await bodies.read(Stream(b"ab", b"c")) == b"abc"
        assert bodies.room == 3

    asyncio.run(read())


def test_many_clients_at_once_each_get_their_own_answer(address, models):
    bodies = [question(people) for people in (1, 2, 3, 4)] * 3
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda body: post(address, body), bodies))
    for body, response in zip(bodies, responses, strict=True):
        expected = direct(models, 12, body)["keypoints"]
        found = response.json()["outputs"]["keypoints"]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def counts(address):
    """The metrics: {name with its labels: number}."""
    lines = requests.get(f"{address}/metrics", timeout=10).text.splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(number) for name, _, number in pairs}


def test_requests_people_and_batches_are_counted(address):
    before = counts(address)
    assert post(address, question(3)).ok
    assert post(address, b"{").status_code == 400
    grown = {name: number - before[name] for name, number in counts(address).items()}
    assert grown['tfpose_requests_total{status="200"}'] == 1
    assert grown['tfpose_requests_total{status="400"}'] == 1
    assert grown["tfpose_request_seconds_count"] == 2
    assert grown["tfpose_people_total"] == grown["tfpose_batch_people_sum"] == 3
    assert before["tfpose_waiting_requests"] == 0


def test_a_server_that_is_told_to_end_answers_who_is_there_and_nobody_else(
    models, slow
):
    go, begun = slow
    running, thread, address = start(models)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(post, address, question()) for _ in range(3)]
        while len(begun) < server.THREADS or len(running.queue.requests) < 3:
            time.sleep(0.01)
        running.handle_exit(signal.SIGTERM, None)
        late = post(address, question())
        assert late.status_code == 503 and "stopping" in late.json()["error"]
        assert requests.get(f"{address}/healthz", timeout=10).status_code == 503
        go.set()
        assert all(future.result().ok for future in sent)
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(requests.ConnectionError):
        post(address, question())


def container_command(project) -> list[str]:
    """The development server's command line in deploy/compose.yaml."""
    text = (project / "deploy" / "compose.yaml").read_text()
    _, _, service = text.partition("\n  development:")
    return json.loads(re.search(r"^ +command: (\[.+?\])$", service, re.M | re.S)[1])


# Two processes as in the file, at another path and port.
def test_the_command_of_the_compose_file_serves_until_sigterm(project, folder, models):
    command = container_command(project)
    assert command[:2] == ["tfpose", "serve"]
    place, host, port = (
        command.index(name) + 1 for name in ("--models", "--host", "--port")
    )
    command[place], command[host], command[port] = str(folder), "127.0.0.1", "0"
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE)
    body = question(6)
    with process, concurrent.futures.ThreadPoolExecutor(8) as pool:
        try:
            lines = [process.stdout.readline().decode() for _ in range(3)]
            assert [line.split()[:3] for line in lines[:2]] == [
                [MODEL, "version", "1:"], [MODEL, "version", "12:"],
            ]  # fmt: skip
            address = lines[2].removeprefix("serving on ").strip()
            first = post(address, body)
            sent = [pool.submit(post, address, body) for _ in range(8)]
            while not counts(address)["tfpose_waiting_requests"]:
                assert not all(future.done() for future in sent)
            process.terminate()
            answers = [first]
            for future in sent:
                with contextlib.suppress(requests.ConnectionError):  # came too late
                    answers.append(future.result())
            assert process.wait(60) == 0
        finally:
            process.kill()
    expected = direct(models, 12, body)["keypoints"]
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) >= 2 and set(codes) <= {200, 503}
    for answer in answers:
        if answer.ok:
            found = answer.json()["outputs"]["keypoints"]
            np.testing.assert_allclose(found, expected, atol=1e-3)


# --- folders ---------------------------------------------------------------------


def test_folders_without_models_are_refused_in_one_line(folder, tmp_path):
    with pytest.raises(ServingError, match="expected a folder"):
        load_models(tmp_path / "none")
    with pytest.raises(ServingError, match="expected NAME/1/saved_model.pb"):
        load_models(tmp_path)
    with pytest.raises(ServingError, match="is a model itself"):
        load_models(folder / MODEL)
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "saved_model.pb").write_bytes(b"no proto")
    with pytest.raises(ServingError, match="bad/1: cannot be loaded") as raised:
        load_models(tmp_path)
    assert "\n" not in str(raised.value)


def test_an_address_in_use_is_said_in_one_line():
    first = connections.listen("127.0.0.1", 0)
    with first, pytest.raises(ServingError, match="cannot listen"):
        connections.listen("127.0.0.1", first.getsockname()[1])


def test_photos_too_large_to_decode_are_refused():
    for ending in (".png", ".jpg"):
        data = cv2.imencode(ending, np.zeros((7, 9, 3), np.uint8))[1].tobytes()
        check_pixels(data)
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR"
    huge = header + (30_000).to_bytes(4, "big") * 2
    with pytest.raises(RequestError, match="30000 x 30000"):
        check_pixels(huge)


# --- TensorFlow Serving's own forms ----------------------------------------------


def test_warm_up_requests_are_prediction_logs_that_run(folder, models):
    path = folder / MODEL / "12" / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    assert 0 < len(records) <= 1000
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        assert log.predict_log.request.model_spec.name == MODEL
    asked = list(warm_up.read(folder / MODEL / "12"))
    assert {name for name, _ in asked} == {"serving_default", "refine_photo"}
    for name, inputs in asked:
        outputs = models[MODEL][12](name, inputs)
        assert all(np.isfinite(value).all() for value in outputs.values())


def test_nobody_is_answered_by_a_session_as_tensorflow_serving_feeds_it(folder):
    """A session's C++ checks no shapes: [] of JSON arrives as f32[0]."""
    graph = tf.Graph()
    with tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.load(
            session, ["serve"], str(folder / MODEL / "12")
        )
        signature = meta.signature_def["refine_photo"]
        names = sorted(signature.inputs)
        assert signature.inputs["image_bytes"].dtype == tf.string.as_datatype_enum
        # Not ``session.run``, whose Python checks what is fed.
        options = config_pb2.CallableOptions(
            feed=[signature.inputs[name].name for name in names],
            fetch=[signature.outputs["keypoints"].name],
        )
        run = session._make_callable_from_options(options)
        empty = {"image_bytes": PHOTO, "keypoints": [], "valid": []}
        types = {"image_bytes": object, "keypoints": np.float32, "valid": np.float32}
        fed = [np.array(empty[name], types[name]) for name in names]
        assert run(*fed)[0].shape == (0, 14, 2)
        fed[names.index("keypoints")] = np.zeros((28, 2), np.float32)
        with pytest.raises(tf.errors.InvalidArgumentError):
            run(*fed)


@pytest.fixture
def client(project, monkeypatch):
    # syspath_prepend goes through all importers while a server's thread may import.
    monkeypatch.setattr(sys, "path", [str(project / "deploy"), *sys.path])
    return importlib.import_module


@pytest.fixture
def files(tmp_path):
    """A photo and its people as COCO results."""
    (tmp_path / "im7.jpg").write_bytes(PHOTO)
    joints = np.random.default_rng(0).uniform(20, 100, (2, 14, 3))
    joints[..., 2] = joints[..., 2] > 40
    people = [
        {"image_id": 7, "category_id": 1, "keypoints": one.ravel().tolist(), "score": 1}
        for one in joints
    ]
    other = {**people[0], "image_id": 8}
    (tmp_path / "poses.json").write_text(json.dumps([other, *people]))
    return tmp_path, joints


def arguments(folder, *more):
    return ["client", str(folder / "im7.jpg"), str(folder / "poses.json"), *more]


def expected_of(models, joints):
    keypoints, valid = np.float32(joints[..., :2]), np.float32(joints[..., 2])
    refine = models[MODEL][12].signatures["refine_photo"]
    return refine(image_bytes=tf.constant(PHOTO), keypoints=keypoints, valid=valid)


def refined(path):
    records = json.loads(path.read_text())
    return np.array([record["keypoints"] for record in records]).reshape(-1, 14, 3)


def test_the_rest_client_works_with_this_server(
    address, models, client, files, monkeypatch
):
    folder, joints = files
    out = folder / "refined.json"
    sent = arguments(folder, "--server", address, "--out", str(out))
    monkeypatch.setattr("sys.argv", sent)
    client("rest_client").main()
    expected = expected_of(models, joints)["keypoints"]
    np.testing.assert_allclose(refined(out)[..., :2], expected, atol=1e-3)
    np.testing.assert_array_equal(refined(out)[..., 2], joints[..., 2])


def test_what_curl_sends_is_what_the_rest_client_sends(
    address, models, client, files, monkeypatch, capsys
):
    folder, joints = files
    monkeypatch.setattr("sys.argv", arguments(folder, "--server", "-"))
    client("rest_client").main()
    # As curl -d does: another content type, and no ends of lines.
    body = capsys.readouterr().out.replace("\n", "").encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    outputs = post(address, body, headers=headers).json()["outputs"]
    expected = expected_of(models, joints)["keypoints"]
    np.testing.assert_allclose(outputs["keypoints"], expected, atol=1e-3)


def test_the_rest_client_says_why_it_was_refused(address, client, files, monkeypatch):
    sent = arguments(files[0], "--server", address, "--model", "none")
    monkeypatch.setattr("sys.argv", sent)
    with pytest.raises(SystemExit, match="404: Servable not found"):
        client("rest_client").main()


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TensorFlow Serving's gRPC service in front of a SavedModel."""

    def __init__(self, models):
        self.models = models

    def Predict(self, request, context):
        spec = request.model_spec
        served = self.models[spec.name][spec.version.value or 12]
        inputs = {
            name: tf.make_ndarray(proto) for name, proto in request.inputs.items()
        }
        response = predict_pb2.PredictResponse(model_spec=spec)
        for name, value in served(spec.signature_name, inputs).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


def test_the_grpc_client_speaks_tensorflow_servings_protos(
    models, client, files, monkeypatch
):
    folder, joints = files
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    servicer = Servicer(models)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        servicer, server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    out = folder / "refined.json"
    sent = arguments(folder, "--server", f"127.0.0.1:{port}", "--out", str(out))
    monkeypatch.setattr("sys.argv", sent)
    client("grpc_client").main()
    server.stop(None)
    expected = expected_of(models, joints)["keypoints"]
    np.testing.assert_allclose(refined(out)[..., :2], expected, atol=1e-3)


def test_the_model_configuration_is_a_model_server_config(project):
    text = (project / "deploy" / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    names = [model.name for model in config.model_config_list.config]
    assert names == ["posefix", "estimator", "posefix_crops"]
    for model in config.model_config_list.config:
        assert model.base_path == f"/models/{model.name}"
