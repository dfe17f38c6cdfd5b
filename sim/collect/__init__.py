"""Offline datasets from OGBench's own oracles, in OGBench's own files, and the rewards of a task beside them."""
