"""Measures: one definition each; the contract is measure.py."""
