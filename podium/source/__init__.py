"""Python source, read without importing it: what stands behind a dotted name, and what it takes."""
