"""From one database into another: models and networks for servers without Python."""
