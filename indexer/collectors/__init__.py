"""Neuron → exemplars. Knows neither embedding nor storage."""
