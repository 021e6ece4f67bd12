"""How well a split is read, by whoever reads it, and at what cost."""
