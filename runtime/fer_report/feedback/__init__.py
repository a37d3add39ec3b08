"""``fer-report --feedback``: how often the label was what a face really showed."""
