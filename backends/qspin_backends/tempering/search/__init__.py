"""Ground states alone: walkers are cooled, and what they agree upon is held together while the rest is
searched again, for fewer and fewer blocks (Houdayer, Martin 1999, Phys. Rev. Lett. 83, 1030).
"""
