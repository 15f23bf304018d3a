"""Queries TensorFlow Serving over gRPC.

python deploy/grpc_client.py im1001.jpg poses.json --out refined.json

Needs ``pip install 'tfpose[serving]'``; ``tfpose serve`` does not speak gRPC.
"""

from __future__ import annotations

import pathlib
import sys

import grpc
import numpy as np
import photo_request
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

SECONDS = 60


def request_of(
    model: str, version: int | None, signature: str, photo: bytes, inputs: dict
) -> predict_pb2.PredictRequest:
    """Builds the request: a bytes scalar and float32 arrays."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version:
        request.model_spec.version.value = version
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(photo))
    for name, values in inputs.items():
        array = np.array(values, np.float32)
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


def predict(server: str, request: predict_pb2.PredictRequest) -> dict:
    """Output name -> list, from the server."""
    with grpc.insecure_channel(server) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=SECONDS)
    return {
        name: tf.make_ndarray(proto).tolist()
        for name, proto in response.outputs.items()
    }


def main() -> None:
    options = photo_request.arguments(__doc__, "127.0.0.1:8500")
    people = photo_request.people_of(options)
    request = request_of(
        options.model,
        options.version,
        options.signature,
        pathlib.Path(options.photo).read_bytes(),
        photo_request.inputs_of(options, people),
    )
    try:
        outputs = predict(options.server, request)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    photo_request.write(options, people, outputs)


if __name__ == "__main__":
    main()
