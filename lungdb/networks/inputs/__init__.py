"""What a network reads at once: pictures or volumes, a module for each kind, and how people declare it."""
