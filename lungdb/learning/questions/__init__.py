"""Questions asked of data sets and models: what is alike, what stands apart, what tells the label."""
