"""A face box and a frame in, probabilities of the seven emotions out."""
