"""The CSV log."""
