"""The verb that makes bundles."""
