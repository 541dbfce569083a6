"""The finder: finds the definition of an import path by reading source files; nothing is imported or run."""

from __future__ import annotations

import ast
import functools
import pkgutil
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from podium.errors import SymbolNotFoundError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec


#: Most imports and aliases to follow from a name to its definition.
MAX_HOPS = 12

#: Size of the largest source file that is read, in bytes; the largest in Airflow has about 120 KiB.
MAX_SOURCE = 1024 * 1024

Definition: TypeAlias = "ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef"

#: Modules whose Python source has another name, from Python 3.12 on.
_TWINS = {"_pydatetime": "datetime"}

_FIELD_DECORATORS = ("dataclass", "define", "frozen", "mutable", "attrs", "s")


@dataclass(frozen=True)
class Symbol:
    """The definition of a class, a function or another value.

    Parameters
    ----------
    name : str
        Import path of its definition, as in ``airflow.sdk.definitions.asset.Asset``.
    node : ast node or None
        The class or function; None for another value, or if the source cannot be read.
    module : Module or None
        The module that defines it.
    """

    name: str
    node: Definition | None = None
    module: Module | None = None

    @property
    def is_class(self) -> bool:
        """Whether it is a class."""
        return isinstance(self.node, ast.ClassDef)

    @property
    def doc(self) -> str:
        """Its docstring, or an empty string."""
        return (ast.get_docstring(self.node) or "") if self.node else ""


@dataclass(frozen=True)
class Module:
    """The source of a module.

    Parameters
    ----------
    name : str
        Dotted name.
    path : pathlib.Path
        The file.
    names : dict
        Top-level names of the module: classes and functions, ``("import", module, name)`` for what it imports
        and None for any other value.
    is_package : bool
        Whether it is a package, to which relative imports are relative.
    stars : tuple of str
        Modules from which it imports ``*``.
    is_open : bool
        Whether the module can have names that are not in its source.
    """

    name: str
    path: Path
    names: dict[str, Definition | tuple[str, str, str] | None]
    is_package: bool
    stars: tuple[str, ...]
    is_open: bool


class Finder:
    """Finds names in a list of folders, as Python's import does, and caches the results.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Searched before ``sys.path``, as Airflow does with its DAG and plugin folders.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._path = (*map(str, folders), *sys.path)
        self._found: dict[str, Symbol] = {}
        self._modules: dict[str, Module | None] = {}

    def find(self, dotted: str) -> Symbol:
        """Return the definition of an import path such as ``package.module.name``.

        Raises
        ------
        SymbolNotFoundError
            If there is no such module, or it has no such name.
        """
        if dotted not in self._found:
            self._found[dotted] = self._find(dotted, 0)
        return self._found[dotted]

    def _find(self, dotted: str, hops: int) -> Symbol:
        module_name, _, name = dotted.rpartition(".")
        if not module_name:
            raise SymbolNotFoundError(f"{dotted!r} is not an import path such as 'package.module.name'")
        moved = self._moved(module_name, name) if hops < MAX_HOPS else None
        if moved and moved != dotted:
            return self._find(moved, hops + 1)
        module = self.module(module_name)
        if module is None:
            self._explain_missing(module_name)
        else:
            found = self._in_module(module, name, hops)
            if found is not None:
                return found
            if not module.is_open:
                raise SymbolNotFoundError(f"there is no {name!r} in {module_name}{did_you_mean(name, module.names)}")
        return Symbol(dotted)

    def in_module(self, module: Module, name: str) -> Symbol | None:
        """Return the definition of a name inside a module, or None if it is unknown."""
        try:
            return self._in_module(module, name, 0)
        except SymbolNotFoundError:
            return None

    def _in_module(self, module: Module, name: str, hops: int) -> Symbol | None:
        if name in module.names:
            found = module.names[name]
            if not isinstance(found, tuple):
                return Symbol(f"{_TWINS.get(module.name, module.name)}.{name}", found, module if found else None)
            if hops >= MAX_HOPS:
                return Symbol(f"{module.name}.{name}")
            _, source, original = found
            if not original or self.module(f"{source}.{original}"):
                return Symbol(f"{source}.{original}".rstrip("."))  # a module under another name
            return self._find(f"{source}.{original}", hops + 1)
        for source in module.stars if hops < MAX_HOPS else ():
            other = self.module(source)
            found_there = self._in_module(other, name, hops + 1) if other else None
            if found_there is not None:
                return found_there
        return None

    def _explain_missing(self, module_name: str) -> None:
        """Raise `SymbolNotFoundError` unless the module exists in a form other than source, such as compiled."""
        parts = module_name.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if self._spec(name) is None:
                if name in sys.builtin_module_names:
                    return
                raise SymbolNotFoundError(f"there is no module {name!r}{self._near(name)}")

    def _near(self, name: str) -> str:
        package, _, last = name.rpartition(".")
        folders = _locations(package, self._path) if package else self._path
        hint = did_you_mean(last, [module.name for module in pkgutil.iter_modules(folders)])
        return hint.replace("'", f"'{package}.", 1) if hint and package else hint

    def module(self, name: str) -> Module | None:
        """Return a module's source, or None if there is none."""
        if name not in self._modules:
            spec = self._spec(name)
            self._modules[name] = _read(name, spec) if spec else None
        return self._modules[name]

    def _spec(self, name: str) -> str | None:
        return _locate(name, self._path)

    def _moved(self, module_name: str, name: str) -> str | None:
        """Return the path to which Airflow redirects a class of a former module, such as ``airflow.operators.bash``."""
        package, _, last = module_name.rpartition(".")
        if not package.startswith("airflow"):
            return None
        parent = self.module(package)
        if parent is None or not parent.is_package:
            return None
        # A package redirects its own names under an empty module name.
        own = self.module(module_name)
        redirected = _redirects(own.path).get(("", name)) if own and own.is_package else None
        return redirected or _redirects(parent.path).get((last, name))

    def bases(self, symbol: Symbol) -> Iterator[Symbol]:
        """Yield the base classes of a class, in order; those that are unknown have no node."""
        if not isinstance(symbol.node, ast.ClassDef) or symbol.module is None:
            return
        for base in symbol.node.bases:
            target = base.value if isinstance(base, ast.Subscript) else base
            name = ast.unparse(target)
            head, _, rest = name.partition(".")
            found = self.in_module(symbol.module, head)
            if found is not None and rest:
                try:
                    found = self.find(f"{found.name}.{rest}")
                except SymbolNotFoundError:
                    found = None
            yield found or Symbol(name)


def has_fields(node: ast.ClassDef) -> bool:
    """Return whether a class is a dataclass or attrs class with a generated ``__init__``."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = ast.unparse(call.func if call else decorator).rpartition(".")[2]
        if name in _FIELD_DECORATORS:
            off = [k for k in (call.keywords if call else []) if k.arg == "init" and ast.unparse(k.value) == "False"]
            return not off
    return False


@functools.lru_cache(maxsize=4096)
def _locate(name: str, path: tuple[str, ...]) -> str | None:
    """Return a module's source file, ``-`` if it is not source, or None if there is no such module."""
    if name in sys.builtin_module_names:
        return "-"
    package, _, last = name.rpartition(".")
    spec = _spec(last, _locations(package, path) if package else path)
    if spec is None:
        return None
    return spec.origin if spec.origin and spec.origin.endswith(".py") else "-"


@functools.lru_cache(maxsize=4096)
def _locations(package: str, path: tuple[str, ...]) -> tuple[str, ...]:
    above, _, last = package.rpartition(".")
    spec = _spec(last, _locations(above, path) if above else path)
    return tuple(spec.submodule_search_locations or ()) if spec else ()


def _spec(name: str, path: tuple[str, ...]) -> ModuleSpec | None:
    """Find a module in folders; unlike ``importlib.util.find_spec``, without importing its parent packages."""
    if not name.isidentifier() or not path:
        return None
    try:
        return PathFinder.find_spec(name, path)
    except (ImportError, ValueError, OSError):
        return None


def module_of_file(path: Path, name: str = "") -> Module | None:
    """Return the module of a source file, or None if it is not valid Python."""
    try:
        status = path.stat()
    except OSError:
        return None
    return None if status.st_size > MAX_SOURCE else _parse(name or path.stem, path, status.st_mtime_ns)


def _read(name: str, source: str) -> Module | None:
    if source == "-":
        return None
    path = Path(source)
    stub = path.with_suffix(".pyi")
    if path.name == "__init__.py" and name.startswith("airflow") and stub.is_file():
        path = stub  # airflow.sdk loads its names lazily; its stub imports them plainly
    return module_of_file(path, name)


@functools.lru_cache(maxsize=512)
def _parse(name: str, path: Path, _modified: int) -> Module | None:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        return None
    is_package = path.stem == "__init__"
    module = Module(name, path, {}, is_package, (), is_open=False)
    stars: list[str] = []
    _collect(tree.body, module, stars)
    return Module(name, path, module.names, is_package, tuple(stars), is_open="__getattr__" in module.names)


def _collect(body: Sequence[ast.stmt], module: Module, stars: list[str]) -> None:
    """Add the names that top-level statements define, including those in branches of ``if`` and ``try``."""
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                module.names[node.name] = node
            case ast.ImportFrom():
                _import_from(node, module, stars)
            case ast.Import():
                for alias in node.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    module.names[alias.asname or name] = ("import", name, "")
            case ast.Assign() | ast.AnnAssign():
                _assign(node, module)
            case ast.If() | ast.With() | ast.Try():
                for inner in _inner(node):
                    _collect(inner, module, stars)


def _inner(node: ast.If | ast.With | ast.Try) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of a statement; later definitions replace earlier ones, so the main block is last."""
    if isinstance(node, ast.Try):
        yield from (handler.body for handler in node.handlers)
        yield node.finalbody
    if not isinstance(node, ast.With):
        yield node.orelse
    yield node.body


def _import_from(node: ast.ImportFrom, module: Module, stars: list[str]) -> None:
    source = _absolute(node, module)
    for alias in node.names:
        if alias.name == "*":
            stars.append(source)
        else:
            module.names[alias.asname or alias.name] = ("import", source, alias.name)


def _assign(node: ast.Assign | ast.AnnAssign, module: Module) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        for name in names:
            if isinstance(name, ast.Name):
                module.names.setdefault(name.id, None)


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - 1 if module.is_package else node.level
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, *([node.module] if node.module else [])])


@functools.cache
def _redirects(path: Path) -> dict[tuple[str, str], str]:
    """Return the new paths of the classes in a package's ``__deprecated_classes``, by module and name."""
    try:
        source = path.with_suffix(".py").read_bytes()
        tree = ast.parse(source) if b"__deprecated_classes" in source else None
    except (OSError, SyntaxError, ValueError):
        return {}
    for node in tree.body if tree else []:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict) and "__deprecated_classes" in ast.unparse(node)[:80]:
            keys = [str(key.value) if isinstance(key, ast.Constant) else "" for key in value.keys]
            tables = [ast.literal_eval(names) for names in value.values]
            return {
                (module, name): to for module, names in zip(keys, tables, strict=True) for name, to in names.items()
            }
    return {}
