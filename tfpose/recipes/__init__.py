"""Recipes: functions that return a ``Config``, by model and name."""

from tfpose.recipes.table import RECIPES as RECIPES
from tfpose.recipes.table import find_recipe as find_recipe
