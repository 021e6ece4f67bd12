"""The game of Catch (Mnih et al. 2014, section 4.2)."""
