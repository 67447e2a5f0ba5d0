"""The `lungdb` command and what stands behind the loader scripts."""
