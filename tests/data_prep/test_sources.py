"""A prepared set is that of its source and options, or it is refused."""

import pytest

from data_prep import sources
from tfpose.errors import DataError
from tfpose.io import files


@pytest.fixture
def source(tmp_path):
    (tmp_path / "mine" / "images").mkdir(parents=True)
    (tmp_path / "mine" / "images" / "1.jpg").write_bytes(b"photo")
    (tmp_path / "mine" / "people.json").write_text("[1]")
    return tmp_path / "mine"


def origin(source, **options):
    return sources.origin(str(source), str(source / "out"), options)


@pytest.mark.parametrize(
    "change, same",
    [
        (lambda source: None, True),
        (lambda source: (source / ".DS_Store").write_text("x"), True),
        (lambda source: (source / "out").mkdir(), True),
        (lambda source: (source / "people.json").write_text("[2]"), False),
        (lambda source: (source / "images" / "1.jpg").write_bytes(b"larger"), False),
        (lambda source: (source / "images" / "2.jpg").write_bytes(b""), False),
        (lambda source: (source / "people.json").rename(source / "other.json"), False),
    ],
)
def test_a_source_is_its_files(source, change, same):
    before = origin(source)
    change(source)
    assert (origin(source) == before) == same


def test_a_copy_is_the_same_source_and_another_option_is_not(source, tmp_path):
    before = origin(source)
    copy = source.rename(tmp_path / "moved")
    assert origin(copy)["source"] == before["source"]
    assert origin(copy, workers=3)["source"] == before["source"]
    assert origin(copy, window=3)["source"] != before["source"]


def test_a_file_that_an_option_names_counts_with_its_content(source, tmp_path):
    estimates = tmp_path / "poses.json"
    estimates.write_text("[]")
    before = origin(source, estimates=str(estimates))
    estimates.write_text("[0]")
    assert origin(source, estimates=str(estimates))["source"] != before["source"]


@pytest.mark.parametrize(
    "noted, words",
    [
        ({}, "a set of an earlier version"),
        ({"source": "x", "made_with": "--source /a"}, "found one from --source /a"),
    ],
)
def test_a_set_from_elsewhere_is_refused_and_both_are_named(
    source, tmp_path, noted, words
):
    files.write_json(tmp_path / "metadata.json", noted)
    with pytest.raises(DataError, match=f"a set from --source {source}.*{words}"):
        sources.check(tmp_path, origin(source))


def test_a_set_whose_source_has_changed_is_refused(source, tmp_path):
    files.write_json(tmp_path / "metadata.json", origin(source))
    sources.check(tmp_path, origin(source))
    (source / "people.json").write_text("[2]")
    with pytest.raises(DataError, match="whose files have changed since"):
        sources.check(tmp_path, origin(source))
