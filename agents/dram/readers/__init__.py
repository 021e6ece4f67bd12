"""Who reads a split or a picture: one agent, two, or one that looks twice."""
