"""Synthetic chest CT: seeded, made up, with known nodules."""

from lungdb.phantoms.nodules import Nodule
from lungdb.phantoms.phantom import Phantom, make_phantom

__all__ = ["Nodule", "Phantom", "make_phantom"]
