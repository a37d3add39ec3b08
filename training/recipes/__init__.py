"""Commented YAML recipes for ``fer-train``."""
