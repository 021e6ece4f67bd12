"""Pictures for people: what an agent looks at, and what it has said."""
