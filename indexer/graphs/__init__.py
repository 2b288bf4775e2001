"""Neuron to Graph: token graphs of text neurons (arXiv 2304.12918, 2305.19911)."""
