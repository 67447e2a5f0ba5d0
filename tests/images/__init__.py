"""Pictures in classes: training, scoring, and what becomes of them."""
