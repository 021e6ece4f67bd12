"""What the trainers share: environments, the loop, the command line, the optimizer, ranks."""
