"""A frame in, faces with their readings out."""
