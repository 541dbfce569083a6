"""Writes the schemas into the package and a project's ``schemas/``, where editors find them."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from podium import schemas
from podium.configs import own_code
from podium.schema_generation import config_schema, spec_schema

if TYPE_CHECKING:
    from podium.configs.own_code import OwnCode
    from podium.project import Project


def stale(project: Project) -> dict[Path, str]:
    """Return the schema files of a project that differ from those generated now, with their new content.

    In a checkout of Podium itself, they include the files of the package.
    """
    package = Path(str(resources.files(schemas)))
    is_podium = package.is_relative_to(project.root / "podium")
    folders = [project.root / "schemas", *([package] if is_podium else [])]
    rendered = render(own_code.of(project), packaged_extras=not is_podium)
    files = {folder / name: text for name, text in rendered.items() for folder in folders}
    return {
        file: text for file, text in files.items() if not file.is_file() or file.read_text(encoding="utf-8") != text
    }


def write(files: dict[Path, str]) -> None:
    """Write files, and create their folders."""
    for file, text in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


def render(own: OwnCode | None = None, *, packaged_extras: bool = True) -> dict[str, str]:
    """Return the content of each schema file by its name; the parameters are those of `config_schema.generate`."""
    generated = {
        schemas.CONFIG: config_schema.generate(own, packaged_extras=packaged_extras),
        schemas.SPEC: spec_schema.generate(),
    }
    return {name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in generated.items()}
