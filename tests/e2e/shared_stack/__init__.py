"""Tests on one stack, in the order of the files: a package, so that the stack ends when the last of them has ended."""
