"""The shipped .tflite files, found with ``importlib.resources.files("fer_models")``."""
