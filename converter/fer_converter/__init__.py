"""fer-edge's converter: Keras models to verified TFLite files."""
