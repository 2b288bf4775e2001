"""Models under inspection. `subject.py` is the contract, every other file an adapter."""
