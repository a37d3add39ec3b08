"""Every setting of the runtime, and the YAML file that changes them."""
