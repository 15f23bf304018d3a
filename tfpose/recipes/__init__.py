"""Recipes: functions that return a ``Config``, by model and preset."""

from tfpose.recipes import hcrn, integral_pose, posefix

RECIPES = {
    "posefix": {"tiny": posefix.tiny, "paper": posefix.paper},
    "hcrn": {
        "tiny": hcrn.tiny,
        "paper": hcrn.paper,
        "paper_flic": hcrn.paper_flic,
        "paper_mpii": hcrn.paper_mpii,
    },
    "integral_pose": {"tiny": integral_pose.tiny},
}
