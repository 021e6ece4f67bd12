"""Episodes, and Gymnasium's face of them."""
