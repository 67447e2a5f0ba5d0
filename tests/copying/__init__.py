"""`lungdb copy`: models and networks arrive in another database."""
