"""Documents with positions: YAML and JSON files, read so that every value knows its line and column."""
