"""From collected and embedded texts to the tables of an index."""
