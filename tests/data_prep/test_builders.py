import importlib
import inspect

import pytest

from data_prep.builders import BUILDERS, options_of
from data_prep.people import PeopleBuilder


@pytest.mark.parametrize("name", BUILDERS)
def test_the_options_are_those_of_the_builder(name):
    module, class_name = BUILDERS[name]
    builder = getattr(importlib.import_module(module), class_name)
    ours = [kind for kind in builder.__mro__ if issubclass(kind, PeopleBuilder)]
    keywords = {
        key
        for kind in ours
        for key, argument in inspect.signature(kind.__init__).parameters.items()
        if argument.kind is argument.KEYWORD_ONLY
    }
    assert options_of(name) == sorted(keywords - {"config", "variant"})
