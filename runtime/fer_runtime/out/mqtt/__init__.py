"""Readings to a broker (extra ``mqtt``)."""
