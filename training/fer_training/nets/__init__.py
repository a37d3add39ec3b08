"""The networks, their weights and their files."""
