"""Writes the schemas into the package and a project's ``schemas/``, where editors find them."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from podium import schemas
from podium.schema_generation import config_schema, spec_schema

if TYPE_CHECKING:
    from podium.project import Project


def stale(project: Project) -> dict[Path, str]:
    """Return the schema files of a project that differ from those generated now, with their new content.

    In a checkout of Podium itself, they include the files of the package.
    """
    package = Path(str(resources.files(schemas)))
    is_podium = package.is_relative_to(project.root / "podium")
    folders = [project.root / "schemas", *([package] if is_podium else [])]
    files = {folder / name: text for name, text in render(packaged_extras=not is_podium).items() for folder in folders}
    return {
        file: text for file, text in files.items() if not file.is_file() or file.read_text(encoding="utf-8") != text
    }


def write(files: dict[Path, str]) -> None:
    """Write files, and create their folders."""
    for file, text in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


def render(*, packaged_extras: bool = True) -> dict[str, str]:
    """Return the content of each schema file by its name; for the parameter see `podium.schema_generation`'s config."""
    generated = {
        schemas.CONFIG: config_schema.generate(packaged_extras=packaged_extras),
        schemas.SPEC: spec_schema.generate(),
    }
    return {name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in generated.items()}
