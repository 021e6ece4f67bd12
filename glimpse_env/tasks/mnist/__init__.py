"""Tasks made of handwritten digits."""
