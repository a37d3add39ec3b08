"""Pictures and labels: reading, checking, dividing."""
