"""The numbers that decide what a crop shows of a person, for all who cut crops.

``geometry.py`` and the modules on it cut in TensorFlow, ``predictor.py`` cuts in NumPy
where TensorFlow is not installed, and exports write these numbers into their metadata
for clients in other languages.
"""

# Crops show a quarter more than the box (FACTS A.3).
CROP_MARGIN = 1.25
# PoseFix's box around an input pose (FACTS A.6).
BOX_FACTOR = 1.2
# px; a side of length 0 of a pose's box is widened to this (FACTS A.6).
SMALLEST_SIDE = 20.0
# Of a person in lengths from chin to head top: 8 head sizes (FACTS B.3).
HEIGHT_IN_HEADS = 8 * 0.6 * 1.4286
# Of a person in longer sides of the pose's box, where the head is not known.
HEIGHT_IN_BOXES = 1.2
# px; nobody is taken to be shorter.
SMALLEST_HEIGHT = 24.0
