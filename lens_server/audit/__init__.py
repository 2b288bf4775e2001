"""Does the model know what it must, and not rely on what it must not? Rules in, a report out."""
