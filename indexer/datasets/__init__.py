"""What we show a subject. `dataset.py` is the contract, every other file an adapter."""
