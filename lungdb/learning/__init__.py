"""Learning on features: pooling a scan's, training and scoring classifiers, calibrating and measuring them."""
