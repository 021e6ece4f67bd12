"""The images and label sequences of every task: pure functions of (task, split, index).

A new one: task.py says what it has, build.py names it; CONTRIBUTING has the rest.
"""
