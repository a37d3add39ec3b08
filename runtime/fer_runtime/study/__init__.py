"""Prompted studies and the file of answers."""
