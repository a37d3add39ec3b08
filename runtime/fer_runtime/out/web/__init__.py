"""The live result for browsers and programs on this machine (extra ``web``)."""
