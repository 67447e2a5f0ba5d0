"""Volumes of a whole scan: where their voxels lie, and the steps that make a network's input of them."""
