"""Detectors of others in one file: LiteRT (``.tflite``) and ONNX (``.onnx``).

Both return what every detector does (see ``tfpose.inference.detectors``).
"""

from __future__ import annotations

import numpy as np

from tfpose.errors import DetectorError
from tfpose.inference.boxes import best_in_photo, best_of_overlapping
from tfpose.inference.inputs import checked_photo
from tfpose.inference.lite import first_line, interpreter, outputs_of
from tfpose.inference.person_detector import resized
from tfpose.io import installation

# --- LiteRT ----------------------------------------------------------------------

OPERATOR = "TFLite_Detection_PostProcess"


class LiteDetector:
    """A ``.tflite`` detector that ends with TFLite's own detection operator.

    The operator gives boxes f32[1, N, 4] (top, left, bottom, right in 0..1), classes
    f32[1, N], where 0 is a person, scores f32[1, N], and their count f32[1]. The
    input is RGB of one size, uint8[1, H, W, 3], or float32 in -1..1.

    Args:
        path: the file.
        least: drops boxes with a lower score.
        threads: LiteRT's threads.

    Raises:
        DetectorError: no such file, or one with other inputs or outputs.
    """

    PERSON = 0

    def __init__(self, path, least: float = 0.5, threads: int = 2):
        self.path, self.least = path, least
        self._interpreter = interpreter(path, threads)
        self._input = self._check_input()
        self._outputs = self._find_outputs()

    def _check_input(self) -> dict:
        inputs = self._interpreter.get_input_details()
        fits = len(inputs) == 1 and all(
            len(one["shape"]) == 4
            and (one["shape"][[0, 3]] == (1, 3)).all()
            and one["dtype"] in (np.uint8, np.float32)
            for one in inputs
        )
        if not fits:
            found = ", ".join(_described(one) for one in inputs)
            raise DetectorError(
                f"{self.path}: expected one input uint8 or float32 (1, height, width, "
                f"3), found {found}"
            )
        return inputs[0]

    def _find_outputs(self) -> list[int]:
        """Tensors of boxes, classes, scores and count, whatever the file calls them."""
        found = outputs_of(self.path, OPERATOR)
        given = self._interpreter.get_output_details()
        if not set(found) <= {one["index"] for one in given} or len(found) != 4:
            raise DetectorError(
                f"{self.path}: expected the outputs of {OPERATOR} (boxes, "
                f"classes, scores, count), found {', '.join(map(_described, given))}"
            )
        return found

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of the people in a photo (see the module).

        Raises:
            TfposeError: a photo of the wrong type or shape, or a model that fails.
        """
        photo = checked_photo(photo)
        height, width = self._input["shape"][1:3]
        shown = resized(photo, width, height)
        if self._input["dtype"] == np.float32:
            shown = np.float32(shown / 127.5 - 1)
        try:
            self._interpreter.set_tensor(self._input["index"], shown[None])
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise DetectorError(_failed(self.path, photo, error)) from error
        boxes, classes, scores, count = (
            np.float64(self._interpreter.get_tensor(index)[0])
            for index in self._outputs
        )
        # Behind the last box, memory is not initialized.
        boxes, scores = boxes[: int(count)], scores[: int(count)]
        people = np.round(classes[: int(count)]) == self.PERSON
        corners = boxes[people][:, [1, 0, 3, 2]]
        return best_in_photo(corners, scores[people], self.least, (1, 1), photo.shape)


def _described(one: dict) -> str:
    """An input or output of LiteRT, for messages."""
    shape = ", ".join(map(str, one["shape"]))
    return f"{one['name']} {np.dtype(one['dtype']).name}({shape})"


# --- ONNX ------------------------------------------------------------------------

NAMED = ("boxes", "scores", "labels")
STRIDES = (8, 16, 32)  # px of the cells of YOLOX's three grids
GRAY = 114  # fills the rest of YOLOX's square


class OnnxDetector:
    """A detector in an ONNX file, run by ONNX Runtime (extra ``onnx``).

    The file is one of two kinds, told apart by its outputs:

    - YOLOX as its authors export it: one output (1, cells, 5 + classes), the raw
      answers of three grids with cells of 8, 16 and 32 px; the first class is a person.
      Its input is BGR 0..255, float32 (1, 3, H, W): the photo in the upper left corner,
      gray below or to the right of it.
    - ``boxes`` (N, 4) (left, top, right, bottom in px of the input), ``scores`` (N) and
      ``labels`` (N), where 1 is a person, as torchvision's detectors have them; a
      leading batch of 1 is fine. The input is RGB in 0..1, float32 (3, H, W) or
      (1, 3, H, W); if its size is not fixed, it gets the photo as it is.

    Args:
        path: the file.
        least: drops boxes with a lower score.

    Raises:
        DetectorError: ONNX Runtime is not installed, no such file, or one with other
            inputs or outputs.
    """

    PERSON = 1

    def __init__(self, path, least: float = 0.5):
        self.path, self.least = path, least
        self._session = _session(path)
        self._outputs = [one.name for one in self._session.get_outputs()]
        self._is_yolox = len(self._outputs) == 1
        if not self._is_yolox and not set(NAMED) <= set(self._outputs):
            raise DetectorError(
                f"{path}: expected YOLOX's one output or the outputs "
                f"{', '.join(NAMED)}, found {', '.join(self._outputs)}"
            )
        self._name, self._size, self._has_batch = self._check_input()
        if self._is_yolox:
            self._check_cells()

    def _check_input(self) -> tuple[str, tuple, bool]:
        """The name of the input, its (height, width) or Nones, and if it is a batch."""
        inputs = self._session.get_inputs()
        # Sizes that are not fixed have names, or none.
        sides = [side if isinstance(side, int) else None for side in inputs[0].shape]
        fits = len(inputs) == 1 and inputs[0].type == "tensor(float)"
        fits = fits and len(sides) in (3, 4) and sides[-3] in (3, None)
        fits = fits and sides[-1] not in (1, 3)  # channels last
        fits = fits and (len(sides) == 3 or sides[0] in (1, None))
        if self._is_yolox:
            fits = fits and len(sides) == 4 and None not in sides[2:]
        if not fits:
            found = ", ".join(f"{one.name} {one.type}{one.shape}" for one in inputs)
            wanted = "(1, 3, height, width)" if self._is_yolox else "(3, height, width)"
            raise DetectorError(
                f"{self.path}: expected one input tensor(float) {wanted}, found {found}"
            )
        return inputs[0].name, tuple(sides[-2:]), len(sides) == 4

    def _check_cells(self) -> None:
        """YOLOX's output has a row for each cell of its grids."""
        (output,) = self._session.get_outputs()
        shape, cells = list(output.shape), len(grid(self._size)[0])
        known = [side for side in shape if isinstance(side, int)]
        fits = len(shape) == 3 and (len(known) < 3 or known[:2] == [1, cells])
        if not fits or (isinstance(shape[-1], int) and shape[-1] < 6):
            raise DetectorError(
                f"{self.path}: expected YOLOX's output (1, {cells}, 5 + classes) for "
                f"an input of {self._size[1]} x {self._size[0]} px, found "
                f"{output.name} {shape}"
            )

    def __call__(self, photo) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of the people in a photo (see the module).

        Raises:
            TfposeError: a photo of the wrong type or shape, a model that fails, or one
                whose answers have other shapes.
        """
        photo = checked_photo(photo)
        if self._is_yolox:
            return self._yolox(photo)
        height, width = (
            fixed or side
            for fixed, side in zip(self._size, photo.shape[:2], strict=True)
        )
        shown = np.float32(resized(photo, width, height).transpose(2, 0, 1) / 255)
        answer = self._answer(shown[None] if self._has_batch else shown, NAMED, photo)
        arrays = [np.float64(array) for array in answer]
        if arrays[0].ndim == 3 and all(len(array) == 1 for array in arrays):
            arrays = [array[0] for array in arrays]
        count = len(arrays[0])
        if [array.shape for array in arrays] != [(count, 4), (count,), (count,)]:
            found = ", ".join(
                f"{name} {array.shape}"
                for name, array in zip(NAMED, answer, strict=True)
            )
            raise DetectorError(
                f"{self.path}: expected outputs (N, 4), (N) and (N), found {found}"
            )
        corners, scores, labels = arrays
        people = labels == self.PERSON
        corners, scores = corners[people], scores[people]
        return best_in_photo(corners, scores, self.least, (width, height), photo.shape)

    def _yolox(self, photo):
        shown, scale = letterbox(photo, self._size)
        (answer,) = self._answer(shown[None], self._outputs, photo)
        cells = len(grid(self._size)[0])
        if answer.ndim != 3 or answer.shape[:2] != (1, cells) or answer.shape[2] < 6:
            raise DetectorError(
                f"{self.path}: expected YOLOX's output (1, {cells}, 5 + classes), "
                f"found {answer.shape}"
            )
        corners, scores = decode_yolox(np.float64(answer[0]), self._size, self.least)
        size = np.array(photo.shape[1::-1]) * scale
        return best_in_photo(corners, scores, self.least, size, photo.shape)

    def _answer(self, shown, names, photo) -> list[np.ndarray]:
        try:
            return self._session.run(list(names), {self._name: shown})
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise DetectorError(_failed(self.path, photo, error)) from error


def _session(path):
    """ONNX Runtime's session of a file, on the CPU."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise DetectorError(f"{path}: {installation.hint('onnxruntime')}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers)
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise DetectorError(
            f"{path}: expected an ONNX model, found another file ({first_line(error)})"
        ) from error


def letterbox(photo, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """A photo as YOLOX sees it.

    Args:
        photo: u8[H, W, 3] RGB.
        size: (height, width) px of the network's input.

    Returns:
        f32[3, height, width], BGR in 0..255, and the scale of the photo in it.
    """
    scale = min(size[0] / photo.shape[0], size[1] / photo.shape[1])
    height, width = (max(1, int(side * scale)) for side in photo.shape[:2])
    shown = np.full((*size, 3), GRAY, np.uint8)
    shown[:height, :width] = resized(photo, width, height)[..., ::-1]
    return np.float32(shown.transpose(2, 0, 1)), scale


def grid(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cells of YOLOX's grids: (x, y) f64[cells, 2], and their px f64[cells, 1]."""
    places, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        places.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.float64(np.concatenate(places)), np.float64(np.concatenate(strides))


def decode_yolox(answer, size: tuple[int, int], least: float, overlap: float = 0.45):
    """People in YOLOX's raw answer (Ge et al. 2021).

    Args:
        answer: f64[cells, 5 + classes]: x and y from the cell's corner in cells,
            logarithms of width and height in cells, the probability of an object, and
            of each class; the first class is a person.
        size: (height, width) px of the input.
        least: drops boxes with a lower score, object times person.
        overlap: the IoU of non-maximum suppression.

    Returns:
        Left, top, right, bottom f64[n, 4] in px of the input, and scores f64[n].
    """
    places, strides = grid(size)
    scores = answer[:, 4] * answer[:, 5]
    sure = scores >= least
    answer, scores = answer[sure], scores[sure]
    center = (answer[:, :2] + places[sure]) * strides[sure]
    sides = np.exp(answer[:, 2:4]) * strides[sure]
    boxes = np.concatenate([center - sides / 2, sides], axis=1)
    best = best_of_overlapping(boxes, scores, overlap)
    low, sides = boxes[best, :2], boxes[best, 2:]
    return np.concatenate([low, low + sides], axis=1), scores[best]


# --- both ------------------------------------------------------------------------


def _failed(path, photo, error: Exception) -> str:
    return (
        f"{path}: failed on a photo of {photo.shape[1]} x {photo.shape[0]} px: "
        f"{first_line(error)}"
    )
