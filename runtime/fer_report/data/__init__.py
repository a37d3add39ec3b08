"""Logs and Parquet as one table of readings in an engine that computes."""
