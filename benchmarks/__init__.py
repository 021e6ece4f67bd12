"""Commands that measure, and the results they have written."""
