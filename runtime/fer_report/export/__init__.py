"""Readings in the formats of other programs: Parquet, ELAN, Praat, BIDS."""
