"""Benchmarks: of the codecs (bench/codec) and of whole servers (bench/server). See docs/benchmarks.md."""
