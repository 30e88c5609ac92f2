"""What of the registry can be ordered: the port of `cloud.desired`."""

from cloud.desired.port import MOST_NAMED, Found, Listed
from cloud.registry.aliases import Aliases
from cloud.registry.catalogue import Catalogue
from cloud.registry.model import Model
from cloud.registry.states import ModelState


class RegistryListing:
    """The registry, as orders look into it. Any thread may use it.

    Args:
        models: the table of models.
        aliases: the table of aliases.
    """

    name = "the registry"

    def __init__(self, models: Catalogue, aliases: Aliases) -> None:
        self._models = models
        self._aliases = aliases

    def look(self, family: str, wanted: str) -> Found:
        """See `Listing.look`; a version that is called as an alias is the version."""
        aliases = {one.alias: one.version for one in self._aliases.of(family)}
        model = self._models.find(family, wanted)
        if model is None and wanted in aliases:
            model = self._models.find(family, aliases[wanted])
        most = MOST_NAMED + 1
        families = tuple(one.name for one in self._models.families(limit=most))
        has_family = model is not None or bool(self._models.page(family, limit=1))
        return Found(
            None if model is None else _listed(model),
            tuple(one.version for one in self._models.newest_released(family, most)),
            aliases,
            # First: there may be more than are named.
            (family, *(one for one in families if one != family)) if has_family else families,
        )


def _listed(model: Model) -> Listed:
    named = f"{model.name} {model.version}"
    problems = {
        ModelState.CANDIDATE: "is a candidate, and was neither validated nor released: "
        f"`wayside-cloud models validate {named}`",
        ModelState.VALIDATED: "is validated, and not released: "
        f"`wayside-cloud repository release {named}`",
        ModelState.DEPRECATED: "is deprecated: "
        f"`wayside-cloud models restore {named}` takes it back",
        ModelState.REVOKED: "is revoked for good",
    }
    return Listed(model.version, bytes.fromhex(model.digest), problems.get(model.state, ""))
