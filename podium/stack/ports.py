"""TCP ports for the local stack: those of the last start, or if one is taken the next free one."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING

from podium.errors import PodiumError

if TYPE_CHECKING:
    from pathlib import Path


TRIES = 200
LAST_PORT = 65_535


@dataclass(frozen=True)
class Ports:
    """The ports of the stack's servers, on loopback.

    Parameters
    ----------
    airflow, mlflow, serve : int
        Port of Airflow's API server, of MLflow's tracking server, and of the inference server.
    """

    airflow: int = 8080
    mlflow: int = 5000
    serve: int = 8000


def remembered(home: Path) -> Ports:
    """Return the ports of the last start, or the default ones."""
    try:
        found = Ports(**json.loads((home / "ports.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return Ports()
    return found if all(isinstance(port, int) and 0 < port <= LAST_PORT for port in astuple(found)) else Ports()


def choose(home: Path) -> tuple[Ports, list[socket.socket]]:
    """Find free ports and write them down for the next start.

    Returns
    -------
    Ports
        The ports.
    list of socket.socket
        Claims on them, valid while open: seconds pass before a server listens, and another stack may start meanwhile.
    """
    claims: list[socket.socket] = []
    chosen = Ports(**{part: _claim(port, claims) for part, port in asdict(remembered(home)).items()})
    (home / "ports.json").write_text(json.dumps(asdict(chosen)))
    return chosen, claims


def _claim(wanted: int, claims: list[socket.socket]) -> int:
    last = min(wanted + TRIES - 1, LAST_PORT)
    for port in range(wanted, last + 1):
        claim = socket.socket(socket.AF_UNIX)
        try:
            if sys.platform == "linux":
                # A name without a file: all users see it, exactly as far as the port, and it ends with this process.
                claim.bind(f"\0podium-port-{port}")
        except OSError:
            claim.close()
            continue
        if _free(port):
            claims.append(claim)
            return port
        claim.close()
    raise PodiumError(f"no free port between {wanted} and {last}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that lingering connections of the last start do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
