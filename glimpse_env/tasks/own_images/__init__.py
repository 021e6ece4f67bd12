"""Images and labels of the user's own: arrays, or a folder of files."""
