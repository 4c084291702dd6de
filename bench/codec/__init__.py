"""Benchmarks of the codecs alone: nanoseconds per head, per record, per set of params."""
