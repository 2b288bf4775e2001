"""Adapters for texts that are shown to a text subject, passage by passage."""
