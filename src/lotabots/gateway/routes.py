"""Which endpoint a path and a method mean: exactly those that the services have, and no others."""

from collections.abc import Iterable, Mapping

from lotabots.runtime.web import Endpoint

Methods = Mapping[str, Endpoint]


class _Place:
    """What may come next in a path."""

    __slots__ = ("any", "fixed", "methods", "rest")

    def __init__(self) -> None:
        self.fixed: dict[str, _Place] = {}
        self.any: _Place | None = None
        self.rest: dict[str, Endpoint] = {}
        self.methods: dict[str, Endpoint] = {}


class Routes:
    """All endpoints by path. A path is compared as the services compare it: decoded, in its case.

    So there is no spelling that the gateway takes for one endpoint and a service for another.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._root = _Place()
        for endpoint in endpoints:
            if "{" in endpoint.template:
                self._add(endpoint)
            else:
                self._fixed.setdefault(endpoint.template, {})[endpoint.method] = endpoint

    def _add(self, endpoint: Endpoint) -> None:
        place = self._root
        for part in endpoint.template.split("/")[1:]:
            if part.endswith(":path}"):
                place.rest[endpoint.method] = endpoint
                return
            if part.startswith("{"):
                place.any = place = place.any or _Place()
            else:
                place = place.fixed.setdefault(part, _Place())
        place.methods[endpoint.method] = endpoint

    def find(self, path: str) -> Methods:
        """The endpoints at this path by method; none if there is nothing there."""
        return self._fixed.get(path) or _found(self._root, path.split("/"), 1)


def _found(place: _Place, parts: list[str], at: int) -> Methods:
    if at == len(parts):
        return place.methods
    part = parts[at]
    if (
        part
        and (fixed := place.fixed.get(part)) is not None
        and (found := _found(fixed, parts, at + 1))
    ):
        return found
    if part and place.any is not None and (found := _found(place.any, parts, at + 1)):
        return found
    return place.rest if part else {}
