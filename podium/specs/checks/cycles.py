"""Finding a cycle in a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Node: TypeAlias = tuple[str, str]


def find_cycle(edges: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Return the nodes of one cycle, or an empty list; depth first, without recursion."""
    done: set[Node] = set()
    for start, first in edges.items():
        if start in done:
            continue
        path, on_path = [start], {start: 0}
        stack = [(start, iter(first))]
        while stack:
            node, following = stack[-1]
            step = next(following, None)
            if step is None:
                stack.pop()
                path.pop()
                del on_path[node]
                done.add(node)
            elif step in on_path:
                return path[on_path[step] :]
            elif step not in done:
                on_path[step] = len(path)
                path.append(step)
                stack.append((step, iter(edges[step])))
    return []
