"""What changes when a picture or a neuron is changed: overlays pasted, neurons ablated, decisions compared."""
