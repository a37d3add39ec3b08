"""fer-edge's trainer: datasets, networks, fit, evaluation."""
