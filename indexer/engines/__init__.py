"""Nearest neighbours. `engine.py` is the contract, `exact.py` the oracle."""
