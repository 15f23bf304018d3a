"""TensorFlow detectors that see the same in every photo."""

import numpy as np
import tensorflow as tf

CORNERS = np.float32([[0.1, 0.2, 0.5, 0.4], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.9, 0.7]])


class Detector(tf.Module):
    """Answers with constants, but has seen the photo: scores grow with its brightness.

    Args:
        corners: f32[N, 4], top, left, bottom, right in 0..1.
        scores: f32[N].
        classes: [N].
        more: further constant outputs.
    """

    def __init__(self, corners, scores, classes, **more):
        super().__init__()
        scores = tf.Variable(scores, dtype=tf.float32)  # lost unless it is kept
        self.answers = {
            "detection_boxes": tf.constant(corners, tf.float32),
            "detection_scores": scores,
            "detection_classes": tf.constant(classes, tf.float32),
        }
        self.more = more

    def __call__(self, photo):
        tf.debugging.assert_greater(tf.shape(photo)[1], 4, "a photo too small")
        brightness = tf.reduce_mean(tf.cast(photo, tf.float32)) / 255
        answers = {name: value[None] for name, value in self.answers.items()}
        answers["detection_scores"] *= brightness
        return {**answers, **{name: tf.constant([v]) for name, v in self.more.items()}}


def save(
    folder, corners=CORNERS, scores=(0.6, 0.9, 0.8), classes=(1, 1, 3), left_out=(),
    shape=(1, None, None, 3), kind=tf.uint8, **more,
) -> str:  # fmt: skip
    """Writes a SavedModel; ``left_out`` names outputs it does not have."""
    detector = Detector(corners, scores, classes, **more)

    def answer(input_tensor):
        found = detector(input_tensor)
        return {name: value for name, value in found.items() if name not in left_out}

    detector.answer = tf.function(
        answer, input_signature=[tf.TensorSpec(shape, kind, name="input_tensor")]
    )
    signatures = {"serving_default": detector.answer}
    tf.saved_model.save(detector, str(folder), signatures=signatures)
    return str(folder)
