"""Reading labels: when one is due, what is right, and what is paid for it."""
