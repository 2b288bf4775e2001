"""Renderers: a report as text for people and machines; the contract is renderer.py."""
