"""Exports: what is written, how far it is from the Keras model, and what is refused."""

import dataclasses
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from data_prep.prepare import prepare
from tests.support import drawn_data_sets
from tests.support.contracts import fill_weights
from tfpose import errors
from tfpose.config import Augmentation, Config
from tfpose.data.examples import supervision_of
from tfpose.errors import DataError, ExportError, FileError, ModelFolderError
from tfpose.exporting import litert, parity, savedmodel, warm_up
from tfpose.exporting.parity import compare
from tfpose.exporting.savedmodel import clients_inputs, export
from tfpose.io.files import write_json
from tfpose.models.folders import CONFIG, WEIGHTS
from tfpose.models.summary import without_weights
from tfpose.models.table import build_model
from tfpose.skeletons import LSP14, Skeleton

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("nano_trunk", "nano_front_end"),
    # Keras raises it when it saves weights under NumPy 2.4.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept"),
]
PEOPLE = 4

CONFIGURATION = Config(
    model="posefix",
    skeleton="lsp14",
    input_size=(64, 64),
    # Filters enough that weights outweigh the graph in the sizes of files.
    network={
        "trunk": "nano",
        "sigma": 3.0,
        "filters": (64, 64, 64),
        "pose_prior": True,
    },
    train=("lspet/train",),
    validation=("lsp/train",),
    augmentation=Augmentation(),
    learning_rate=1e-3,
    epochs=1,
    batch_size=2,
)

ESTIMATOR = dataclasses.replace(
    CONFIGURATION,
    model="hcrn",
    network={"front_end": "nano", "diffusion_radius": 2},
    target={"codec": "disc"},
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Prepared LSP and LSPET people in drawn photos."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_prep.lsp.TRAINING_PHOTOS", PEOPLE)
        for name in ("lsp", "lspet"):
            (source / name).mkdir()
            getattr(drawn_data_sets, name)(source / name)
            prepare(name, str(source / name), str(out))
    return str(out)


@pytest.fixture(scope="module")
def model_dir(nano_trunk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_json(folder / CONFIG, CONFIGURATION.to_json())
    fill_weights(build_model(CONFIGURATION)).save_weights(folder / WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def exported(model_dir, data, tmp_path_factory):
    """The folder with all exports, which held earlier ones, and the report."""
    out = tmp_path_factory.mktemp("exports") / "posefix"
    out.mkdir()
    (out / "parity.json").write_text("{}")
    (out / "old").write_text("of an earlier export")
    return out, export(model_dir, out, quantize=("none", "float16", "int8"), data=data)


def test_the_folder_holds_a_numbered_saved_model_and_a_file_for_each_number(exported):
    out, report = exported
    # The files of an earlier export are gone.
    lite = {f"model_{numbers}.tflite" for numbers in ("float32", "float16", "int8")}
    assert {path.name for path in out.iterdir()} == {"1", "parity.json", *lite}
    assert (out / "1" / "saved_model.pb").is_file()
    assert set(report["files"]) == {"1", *lite}
    assert not [name for name in os.listdir(out.parent) if name != "posefix"]
    assert os.access(out, os.R_OK) and out.stat().st_mode & 0o055 == 0o055


def test_the_report_is_written_beside_the_exports(exported):
    out, report = exported
    assert json.loads((out / "parity.json").read_text()) == report
    assert report["crops"] == PEOPLE and report["skeleton"] == "lsp14"
    for name, entry in report["files"].items():
        assert set(entry["per_joint"]) == set(LSP14.joints)
        path = out / name
        size = path.stat().st_size if path.is_file() else entry["bytes"]
        assert entry["bytes"] == size > 1e5
    table = parity.format_report(report)
    assert all(name in table for name in report["files"])


@pytest.mark.parametrize("name", ["1", "model_float32.tflite"])
def test_float32_exports_agree_with_the_keras_model(exported, name):
    entry = exported[1]["files"][name]
    assert entry["largest"] < 1e-3 and entry["largest_score"] < 1e-4


def test_answers_about_photos_are_compared_with_the_refiners(exported):
    out, report = exported
    entry = report["photos"]["refine_photo"]
    assert entry["photos"] == savedmodel.PARITY_PHOTOS <= entry["people"]
    assert entry["largest"] < 1e-3 and entry["largest_score"] < 1e-4
    assert report["warm_up_requests"] == len(list(warm_up.read(out / "1"))) == 4
    assert "refine_photo" in parity.format_report(report)


def test_photos_that_disagree_are_not_exported():
    entry = {"photos": 1, "people": 1, "largest": np.inf, "largest_score": 0.0}
    with pytest.raises(ExportError, match="1 refine_photo: .* found inf px off"):
        parity.check_photos({"refine_photo": entry})


def test_an_export_without_the_protos_has_no_warm_up_requests(tmp_path, monkeypatch):
    monkeypatch.setattr(warm_up, "available", lambda: False)
    assert warm_up.write(tmp_path, "posefix", {}) == 0 and not os.listdir(tmp_path)
    table = parity.format_report({"crops": 1, "files": {}, "warm_up_requests": 0})
    assert "which the extra 'serving' installs: pip install" in table


def test_a_servable_that_cannot_be_written_leaves_the_one_that_was_there(
    tmp_path, monkeypatch
):
    def fill_the_disk(model, config, serving, network, folder):
        (folder / "saved_model.pb").write_text("half")
        message = "RESOURCE_EXHAUSTED: x; No space left on device"
        raise tf.errors.ResourceExhaustedError(None, None, message)

    monkeypatch.setattr(savedmodel, "_write_servable", fill_the_disk)
    monkeypatch.setattr(savedmodel, "network_of", lambda *_, **__: None)
    monkeypatch.setattr(savedmodel, "serving_model", lambda *_, **__: None)
    folder = tmp_path / "posefix" / "1"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text("old")
    with pytest.raises(FileError, match="posefix/1: cannot write: No space"):
        savedmodel.write_servable(None, CONFIGURATION, folder)
    assert [path.name for path in tmp_path.rglob("*")] == [
        "posefix", "1", "saved_model.pb"
    ]  # fmt: skip
    assert (folder / "saved_model.pb").read_text() == "old"
    with pytest.raises(ExportError, match="is not a SavedModel"):
        savedmodel.write_servable(None, CONFIGURATION, folder.parent)


def test_smaller_numbers_agree_less(exported):
    files = exported[1]["files"]
    assert files["model_float16.tflite"]["mean"] < 0.05
    assert files["model_int8.tflite"]["mean"] < 3  # an untrained net has wild logits
    sizes = [
        files[f"model_{n}.tflite"]["bytes"] for n in ("int8", "float16", "float32")
    ]
    assert 3 * sizes[0] < 2 * sizes[1] and 3 * sizes[1] < 2 * sizes[2]


@pytest.mark.parametrize("numbers", ["float32", "float16", "int8"])
def test_lite_models_have_named_static_inputs_and_builtin_operators(exported, numbers):
    content = (exported[0] / f"model_{numbers}.tflite").read_bytes()
    assert set(litert.operator_names(content)) <= set(litert.OPERATOR_NAMES.values())
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    inputs = {
        name: (tuple(detail["shape"]), detail["dtype"])
        for name, detail in runner.get_input_details().items()
    }
    assert inputs == {
        "image": ((1, 64, 64, 3), np.uint8),
        "keypoints": ((1, 14, 2), np.float32),
        "valid": ((1, 14), np.float32),
    }
    outputs = runner.get_output_details()
    assert tuple(outputs["keypoints"]["shape"]) == (1, 14, 2)
    assert tuple(outputs["scores"]["shape"]) == (1, 14)


def test_decoding_stays_in_float_in_int8(exported):
    content = (exported[0] / "model_int8.tflite").read_bytes()
    interpreter = Interpreter(model_content=content)
    details = interpreter.get_tensor_details()
    decoding = [d for d in details if any(s in d["name"] for s in ("belief", "scores"))]
    assert decoding and not [d for d in decoding if d["dtype"] == np.int8]
    names = litert.operator_names(content)
    assert names.index("SOFTMAX") > names.index("DEQUANTIZE") > names.index("QUANTIZE")


def test_without_data_nothing_is_compared(model_dir, tmp_path):
    report = export(model_dir, tmp_path / "lite", formats="tflite")
    assert report["crops"] == 0
    assert list(report["files"]) == ["model_float32.tflite"]
    (entry,) = report["files"].values()
    assert list(entry) == ["bytes"]
    assert entry["bytes"] == (tmp_path / "lite/model_float32.tflite").stat().st_size
    lines = parity.format_report(report).splitlines()
    assert lines[0].startswith("not compared with the Keras model: no prepared people")
    assert lines[-1].split() == ["model_float32.tflite", f"{entry['bytes'] / 1e6:.1f}"]


def test_a_folder_that_is_no_export_is_not_touched(model_dir, data, tmp_path):
    (tmp_path / "thesis.tex").write_text("words")
    with pytest.raises(ExportError, match="exists and is not an earlier export"):
        export(model_dir, tmp_path, data=data)
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"formats": "onnx"}, ExportError, r"savedmodel.*tflite.*got \['onnx'\]"),
        ({"quantize": ("none", "int4")}, ExportError, "float16.*int4"),
        ({"formats": ()}, ExportError, "expected some of"),
        ({"data": None, "quantize": "int8"}, ExportError, "int8: .*prepared people"),
        ({"validation": ("coco/train",)}, DataError, "tfpose prepare coco"),
        ({"validation": ("lsp/train[:0]",)}, DataError, "found none"),
        ({"model_dir": "nowhere"}, ModelFolderError, "nowhere"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line_and_nothing_written(
    options, error, words, model_dir, data, tmp_path
):
    arguments = {"model_dir": model_dir, "data": data, **options}
    with pytest.raises(error, match=words) as raised:
        export(out=tmp_path / "out", **arguments)
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == []


def test_a_model_without_weights_is_refused(data, tmp_path):
    write_json(tmp_path / CONFIG, CONFIGURATION.to_json())
    with pytest.raises(ModelFolderError, match="expected trained weights"):
        export(tmp_path, tmp_path / "out", data=data)
    assert os.listdir(tmp_path) == [CONFIG]


def test_an_export_that_disagrees_is_not_written(
    model_dir, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(parity, "TOLERANCE", 0.0)
    with pytest.raises(ExportError, match="px of the Keras model's, found"):
        export(model_dir, tmp_path / "out", formats="tflite", data=data)
    assert os.listdir(tmp_path) == []


def test_a_failed_conversion_leaves_nothing(model_dir, data, tmp_path, monkeypatch):
    def fail(folder):
        raise errors.LiteRTError("no such operator")

    monkeypatch.setattr(litert, "convert", fail)
    with pytest.raises(errors.LiteRTError):
        export(model_dir, tmp_path / "out", formats="tflite", data=data)
    assert os.listdir(tmp_path) == []


# --- estimators ------------------------------------------------------------------


@pytest.mark.parametrize(
    "config, names",
    [
        (ESTIMATOR, {"image"}),
        (CONFIGURATION, {"image", "keypoints", "valid"}),
    ],
)
def test_clients_send_what_the_model_takes(data, config, names):
    with without_weights():
        supervision = supervision_of(build_model(config), config)
    inputs = clients_inputs(data, ("lsp/train",), config, supervision, 3)
    assert set(inputs) == names
    assert inputs["image"].dtype == np.uint8
    assert inputs["image"].shape == (3, 64, 64, 3) and inputs["image"].max() > 150
    everybody = clients_inputs(data, ("lsp/train",), config, supervision, 99)
    assert len(everybody["image"]) == PEOPLE


def test_an_estimator_is_exported_with_a_photo_as_its_only_input(data, tmp_path):
    folder, out = tmp_path / "model", tmp_path / "out"
    folder.mkdir()
    write_json(folder / CONFIG, ESTIMATOR.to_json())
    model = fill_weights(build_model(ESTIMATOR))
    # Beliefs of noise are 0 or 1 nearly everywhere, and their peaks would tie.
    kernel = model.get_layer("initial").kernel
    kernel.assign(0.1 * kernel)
    model.save_weights(folder / WEIGHTS)
    report = export(folder, out, quantize=("none", "int8"), data=data)
    names = {"1", "model_float32.tflite", "model_int8.tflite"}
    assert set(report["files"]) == names and report["model"] == "hcrn"
    content = (out / "model_float32.tflite").read_bytes()
    assert set(litert.operator_names(content)) <= set(litert.OPERATOR_NAMES.values())
    assert report["photos"]["estimate_photo"]["largest"] < 1e-2
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    assert set(runner.get_input_details()) == {"image"}
    assert set(runner.get_output_details()) == {"keypoints", "scores"}


# --- the comparison, by hand -----------------------------------------------------

TWO = Skeleton("two", ("a", "b"), (), (("a", "b"),), (0.1, 0.1), ("a", "b"))


def answers(keypoints, scores):
    return {"keypoints": np.float32(keypoints), "scores": np.float32(scores)}


def test_differences_are_distances_in_pixels():
    expected = answers([[[0, 0], [5, 5]], [[1, 1], [2, 2]]], [[0.5, 1], [0, 0]])
    found = answers([[[3, 4], [5, 5]], [[1, 1], [2, 4]]], [[0.5, 0.75], [0, 0]])
    assert compare(expected, found, TWO) == {
        "largest": 5.0,
        "mean": 7 / 4,
        "largest_score": 0.25,
        "per_joint": {
            "a": {"largest": 5.0, "mean": 2.5},
            "b": {"largest": 2.0, "mean": 1.0},
        },
    }


def test_an_answer_that_is_not_a_number_is_infinitely_far():
    expected = answers([[[0, 0], [5, 5]]], [[0.5, 1]])
    found = answers([[[np.nan, 0], [5, 5]]], [[0.5, np.nan]])
    compared = compare(expected, found, TWO)
    assert compared["largest"] == compared["largest_score"] == np.inf
    assert compared["per_joint"]["b"] == {"largest": 0.0, "mean": 0.0}
