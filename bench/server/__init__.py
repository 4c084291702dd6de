"""One worker of each server on one core, the load on another, in interleaved rounds. See docs/benchmarks.md."""
