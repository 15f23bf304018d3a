"""New networks start, and normalize, as a recipe says."""

import dataclasses

import keras
import numpy as np
import pytest

from tfpose import settings
from tfpose.errors import TfposeError
from tfpose.models import HRNet, PoseFix, SimpleBaseline, start
from tfpose.recipes import RECIPES

SMALL = {
    "hrnet": {"width": 8, "modules": (1,), "blocks": 1, "stem": 8},
    "simple_baseline": {"trunk": "tiny", "filters": (16, 16, 16)},
}


def deviations(model: str, **changes) -> dict[str, float]:
    """The standard deviation of each kernel of a recipe ``paper``, made small."""
    recipe = dataclasses.replace(
        RECIPES[model]["paper"](), input_size=(32, 32), network=SMALL[model], **changes
    )
    made = start.new_model(recipe)
    return {
        v.path.split("/")[-2]: float(np.std(v))
        for v in made.trainable_variables
        if v.path.endswith("kernel")
    }


def test_the_names_are_those_of_settings():
    assert tuple(start.STARTS) == settings.STARTS


def test_all_of_hrnet_starts_small():
    for layer, deviation in deviations("hrnet").items():
        assert deviation == pytest.approx(0.001, rel=0.35), layer


@pytest.mark.slow
def test_the_longest_name_decides_and_other_layers_start_as_their_class_says():
    drawn = {"head_": 0.5, "head_logits": "he"}
    found = deviations("simple_baseline", start=drawn)
    assert found["head_deconv1"] == pytest.approx(0.5, rel=0.05)
    assert found["head_logits"] == pytest.approx(np.sqrt(2 / 16), rel=0.2)
    untouched = deviations("simple_baseline", start={})
    assert untouched["head_logits"] == pytest.approx(0.001, rel=0.2)
    stem = "stem_down_conv"
    assert found[stem] == pytest.approx(untouched[stem], rel=0.1)


def normalizations(model):
    """The momentum and epsilon of every batch normalization."""
    kind = keras.layers.BatchNormalization
    return {(n.momentum, n.epsilon) for n in model.layers if isinstance(n, kind)}


@pytest.mark.usefixtures("nano_trunk")
def test_normalizations_have_the_codes_numbers_also_when_read_back():
    given = {"momentum": 0.99, "epsilon": 1e-9}
    options = {"trunk": "nano", "filters": (4, 4, 4)}
    model = PoseFix(3, (32, 32), normalization=given, **options)
    assert normalizations(model) == {(0.99, 1e-9)}
    again = PoseFix.from_config(model.get_config())
    assert normalizations(again) == {(0.99, 1e-9)}
    assert normalizations(PoseFix(3, (32, 32), **options)) == {(0.9, 1e-5)}
    for wrong in ({"decay": 0.9}, {"epsilon": 0}):
        with pytest.raises(TfposeError, match="normalization: expected momentum and"):
            PoseFix(3, (32, 32), normalization=wrong, **options)


def test_the_bases_keep_theirs():
    assert normalizations(HRNet(3, (32, 32), **SMALL["hrnet"])) == {(0.9, 1e-5)}
    baseline = SimpleBaseline(3, (32, 32), **SMALL["simple_baseline"])
    assert normalizations(baseline) == {(0.9, 1e-5)}
