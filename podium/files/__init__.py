"""Documents with positions: YAML and JSON files, read with the line and column of every value."""

__all__ = ["documents", "json_nodes", "nodes", "writers", "yaml_nodes"]
