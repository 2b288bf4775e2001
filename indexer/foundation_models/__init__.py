"""One space for exemplars and words. `foundation_model.py` is the contract, every other file an adapter."""
