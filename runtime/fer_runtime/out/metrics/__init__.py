"""What a run counts, in Prometheus' text format."""
