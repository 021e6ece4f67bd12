"""Playing a batch of episodes, and keeping what the losses need."""
