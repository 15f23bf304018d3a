"""Rendered photos of people with exact labels: the data set that needs no download.

From the body outward: ``body`` (proportions, joint angles, 3D joints), ``mesh``,
``head``, ``figure`` and ``clothes`` (the visible surface), ``objects``, ``scene``
(camera, light, where people stand), ``places`` and ``background`` (the planes behind),
``render`` (drawing, labels). Nothing here needs TensorFlow.
"""
