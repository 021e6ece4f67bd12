"""The environments' pages: what is earned without learning, animated pictures, and the text."""
