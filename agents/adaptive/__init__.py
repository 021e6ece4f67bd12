"""Agents that decide when to speak, which neither paper has."""
