"""Moves of clusters of spins in two walkers at once."""
