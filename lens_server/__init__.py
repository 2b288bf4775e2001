"""Opens an index and answers questions about it."""
