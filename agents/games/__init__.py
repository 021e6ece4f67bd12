"""Agents that play games: RAM on Catch."""
