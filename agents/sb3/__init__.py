"""Stable-Baselines3's algorithms on glimpse environments."""
