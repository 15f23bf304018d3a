"""Recipes: functions that return a ``Config``, by model and preset."""

from tfpose.recipes import posefix

RECIPES = {"posefix": {"tiny": posefix.tiny, "paper": posefix.paper}}
