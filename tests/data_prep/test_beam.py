"""Records made by an Apache Beam pipeline are those of the plain way."""

import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from data_prep.prepare import prepare
from tests.support import drawn_data_sets


@pytest.fixture
def source(tmp_path):
    drawn_data_sets.coco(tmp_path / "coco")
    return str(tmp_path / "coco")


def records(report, split):
    """All records in their order, windows as they are written."""
    builder = tfds.builder_from_directory(report["directory"])
    encoded = {"window": tfds.decode.SkipDecoding()}
    read = builder.as_dataset(split=split, shuffle_files=False, decoders=encoded)
    return list(read.as_numpy_iterator())


def test_without_beam_the_extra_is_named_and_nothing_written(
    source, tmp_path, monkeypatch
):
    for name in [name for name in sys.modules if name.startswith("apache_beam")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ValueError, match=r"--beam needs .*\[beam\]"):
        prepare("coco", source, str(tmp_path / "out"), beam="")
    assert not (tmp_path / "out").exists()


# Beam's own code warns of what it will remove.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
def test_a_pipeline_writes_the_same_records_in_the_same_order(source, tmp_path):
    pytest.importorskip(
        "apache_beam", reason="needs an environment with tfpose[beam] (setup.py)"
    )
    plain = prepare("coco", source, str(tmp_path / "plain"))
    beam = prepare("coco", source, str(tmp_path / "beam"), beam="")
    assert beam["written"] == plain["written"]
    assert beam["left_out"] == plain["left_out"] != {}
    for split in plain["written"]:
        expected, found = records(plain, split), records(beam, split)
        assert len(found) == len(expected) > 0
        for one, other in zip(found, expected, strict=True):
            assert one.keys() == other.keys()
            for name in other:
                np.testing.assert_array_equal(one[name], other[name])
