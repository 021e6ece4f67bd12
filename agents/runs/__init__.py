"""What a run is on the disk: its configuration, checkpoint, history and provenance."""
