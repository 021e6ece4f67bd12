"""What all environments share in which somebody looks: batches, resets, spaces, infos, frames."""
