"""How fast, how large, how good Lens is, against its bars: `python -m benchmarks SUITE`."""
