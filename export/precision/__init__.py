"""Graphs whose large matrix products compute in bfloat16 or float16, each with its own receipt."""
