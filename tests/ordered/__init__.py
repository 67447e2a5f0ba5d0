"""Networks that pool the features of a scan in their order."""
