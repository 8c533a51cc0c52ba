"""The types that a function's names have from elsewhere: variables of other modules, attributes of objects.

They come from a sketch of the code that keeps them, the module's own or a constructor: what can be told there without
asking another function, so that nothing goes in circles. Example, with ``db = Database()`` in a module ``store``::

    from store import db            db is an instance of Database, whose constructor keeps
                                    sessionmaker(bind=engine) in its attribute Session,
    session = db.Session()          so that this is a session
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from leaklint.analysis.ownership import instance_type, own_object
from leaklint.analysis.project import Module, Project
from leaklint.analysis.types import Places, Types, infer
from leaklint.catalogue.model import Catalogue
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.ops import Place

_MODULE = "<module>"
_NONE: frozenset[str] = frozenset()


@dataclass(eq=False, slots=True)
class Sketches:
    """The sketches of a run."""

    catalogue: Catalogue
    project: Project
    memo: Callable[[Module], dict[str, Types]]
    """where the sketches of a module's functions are kept"""
    instances: dict[str, tuple[Module, str]] = field(default_factory=dict)
    """the project's classes by the types that their instances have in places"""

    def instance(self, module: Module, owner: str) -> Mapping[str, frozenset[str]]:
        """The type of an instance of a project's class, as the result of a call."""
        kind = instance_type(module, owner)
        self.instances[kind] = module, owner
        return {"": frozenset((kind,))}

    def around(self, module: Module, cfg: Cfg) -> Types:
        """The types of the variables of other modules that a function names, of its parameters that are instances of
        the project's classes, and of what its own object keeps."""
        found: dict[Place, frozenset[str]] = {}
        for place, name in cfg.foreign.items():
            variable = self.project.variable(name, module)
            if variable is not None:
                found.update(_below(place, variable[1], self._sketch(variable[0], _MODULE)))
        own = own_object(module, cfg)
        info = module.functions.get(cfg.name)
        if own and info is not None and info.attributes and not cfg.name.endswith(".__init__"):
            kept = self._kept(module, info.owner)
            found.update({f"{own}{path}": kinds for path, kinds in kept.items()})
        return found

    def attribute(self, kind: str, name: str) -> frozenset[str]:
        """The types of an attribute of an instance of a project's class."""
        return self._kept(*self.instances[kind]).get(f".{name}", _NONE) if kind in self.instances else _NONE

    def _kept(self, module: Module, owner: str) -> Types:
        """What the constructor of a class keeps in the object, by paths from it: ``.engine``."""
        found = self.project.method(module, owner, "__init__")
        graph = found.module.graph(found.function) if found is not None else None
        if found is None or graph is None or not graph.parameters:
            return {}
        kinds = _below("", graph.parameters[0], self._sketch(found.module, found.function))
        return {path: kind for path, kind in kinds.items() if path}

    def _sketch(self, module: Module, function: str) -> Types:
        sketches = self.memo(module)
        if function not in sketches:
            graph = module.graph(function)
            around = self._sketch(module, _MODULE) if function != _MODULE else {}
            made = partial(self._made, module, function)
            sketches[function] = infer(graph, self.catalogue, around, made).types if graph is not None else {}
        return sketches[function]

    def _made(self, module: Module, caller: str, call: ops.Call, places: Places) -> Mapping[str, frozenset[str]]:
        target = self.project.resolve(call, module, caller)
        if target is None or not target.constructor or target.home is None:
            return {}
        return self.instance(target.home, target.constructor)


def _below(place: Place, there: Place, kinds: Types) -> dict[Place, frozenset[str]]:
    """The types of what is called `there` elsewhere, and of its parts, for what `place` calls it here."""
    return {
        place + path[len(there) :]: found
        for path, found in kinds.items()
        if path.startswith(there) and path[len(there) : len(there) + 1] in ("", ".", "[")
    }


__all__ = ["Sketches"]
