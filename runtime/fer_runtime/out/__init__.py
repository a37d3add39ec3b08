"""What leaves the daemon: readings, records, status. Never a picture."""
