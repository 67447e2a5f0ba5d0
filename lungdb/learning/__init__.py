"""Learning on features: pooling a scan's, training and scoring LightGBM, and measuring it."""
