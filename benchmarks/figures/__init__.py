"""The figures of docs/: what is plotted of kept results, how it is drawn, and gazes of agents."""
