"""Makes an index of a subject's neurons, and owns what an index is."""
