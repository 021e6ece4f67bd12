"""What the eye sees of an image: the retina and the coarse whole."""
