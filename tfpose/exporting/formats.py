"""Export formats, for the command line, which imports no TensorFlow."""

FORMATS = ("savedmodel", "tflite")
# Quantization -> number type in the ``.tflite`` file.
NUMBERS = {"none": "float32", "float16": "float16", "int8": "int8"}
