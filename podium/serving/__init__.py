"""The inference server, which follows the version in Production."""
