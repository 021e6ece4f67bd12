"""What an update is: play, losses, gradient, step."""
