"""The images and label sequences of every task: pure functions of (task, split, index)."""
