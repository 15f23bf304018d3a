"""Warm-up requests: a server runs them after it loads a model, before clients come.

TensorFlow Serving reads them from ``assets.extra/tf_serving_warmup_requests`` in a
SavedModel: a TFRecord of ``PredictionLog`` protos (extra ``serving``).
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfpose.exporting.signatures import ANSWERS, CROPS

FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
# People in each signature's requests. Two counts are enough: the first request with a
# new number of people takes no longer.
PEOPLE = (1, 3)
# px; the photo is synthetic, so nobody's picture travels with a model.
PHOTO_SIZE = (480, 640)


def available() -> bool:
    """Whether the protos of TensorFlow Serving are installed."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def write(folder, name: str, signatures: dict[str, dict]) -> int:
    """Adds warm-up requests for all signatures to a SavedModel.

    Args:
        folder: the SavedModel's folder.
        name: the model's name.
        signatures: the inputs of each, from ``savedmodel.write_saved_model``.

    The parts of a photo signature get none: few servers call them.

    Returns:
        How many it wrote; 0 if the protos are not installed.
    """
    if not available():
        return 0
    path = pathlib.Path(folder) / FILE
    path.parent.mkdir(exist_ok=True)
    requests = [
        _request(name, signature, inputs)
        for signature, specifications in sorted(signatures.items())
        if not signature.endswith((CROPS, ANSWERS))
        for inputs in example_inputs(specifications)
    ]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            writer.write(request.SerializeToString())
    return len(requests)


def _request(name: str, signature: str, inputs: dict[str, np.ndarray]):
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(name=name, signature_name=signature),
        inputs={key: tf.make_tensor_proto(value) for key, value in inputs.items()},
    )
    log = prediction_log_pb2.PredictLog(request=request)
    return prediction_log_pb2.PredictionLog(predict_log=log)


def read(folder) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields the signature and inputs of each warm-up request in a SavedModel.

    Yields nothing if there are none or the protos are not installed.
    """
    path = pathlib.Path(folder) / FILE
    if not (path.is_file() and available()):
        return
    from tensorflow_serving.apis import prediction_log_pb2

    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(
            record
        ).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def example_inputs(specifications: dict) -> Iterator[dict[str, np.ndarray]]:
    """Yields inputs like those of clients, for one person and for several.

    Args:
        specifications: name of a signature's input -> specification, with the names
            of ``savedmodel.write_saved_model``: "image", "image_bytes", "keypoints",
            "valid", "boxes".
    """
    random = np.random.default_rng(0)
    height, width = PHOTO_SIZE
    if "image" in specifications:  # a crop: all coordinates are its own
        height, width = specifications["image"].shape[1:3]
    for people in PEOPLE:
        inputs = {}
        for name, specification in specifications.items():
            shape = (people, *specification.shape[1:])
            if name == "image_bytes":
                inputs[name] = np.array(_photo(random), object)
            elif name == "image":
                inputs[name] = random.integers(0, 256, shape, np.uint8)
            elif name == "valid":
                inputs[name] = np.ones(shape, np.float32)
            elif name == "boxes":
                box = np.float32([width / 4, height / 4, width / 2, height / 2])
                inputs[name] = np.tile(box, (people, 1))
            else:
                low, high = np.array([width, height]) / 4, np.array([width, height])
                points = random.uniform(low, 0.75 * high, shape)
                inputs[name] = points.astype(np.float32)
        yield inputs


def _photo(random) -> bytes:
    """A JPEG of colored patches."""
    small = random.integers(0, 256, (12, 16, 3), np.uint8)
    photo = tf.image.resize(small, PHOTO_SIZE, "bicubic")
    return tf.io.encode_jpeg(tf.saturate_cast(photo, tf.uint8)).numpy()
