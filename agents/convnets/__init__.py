"""Networks that see whole images: the baselines of both papers, and a small ResNet."""
