"""Maps of the regions that scores come from."""
