"""How good a model is: figures, calibration, plots."""
