"""House numbers that are rendered, for where SVHN cannot be had."""
