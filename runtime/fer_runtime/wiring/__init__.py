"""Who owns threads, signals and clocks: the loop, the daemon and the window around it."""
