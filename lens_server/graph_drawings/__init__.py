"""Token graphs and what a neuron does on texts, drawn: a file a form, the same answer the same bytes."""
