"""What the agent is: its boxes, how they are wired, and how gazes are drawn."""
