"""From method and path to the one call that serves them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from payment_core.errors import ErrorCode, InvalidRequest
from payment_core.http import Request, Response

JSON = "application/json"

RouteHandler = Callable[[Request, Mapping[str, str]], Response]


@dataclass(frozen=True)
class Route:
    """`template` is a path whose `{name}` segments are handed to `serve` as a mapping."""

    method: str
    template: str
    serve: RouteHandler


class Router:
    """Serve a request by the first route that fits it. Raises `InvalidRequest` where none does."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    def __call__(self, request: Request) -> Response:
        path_known = False
        for route in self._routes:
            arguments = _match(route.template, request.path)
            if arguments is None:
                continue
            if route.method == request.method:
                _refuse_other_media(request)
                return route.serve(request, arguments)
            path_known = True
        if path_known:
            raise InvalidRequest(ErrorCode.METHOD_NOT_ALLOWED, "This path exists, but not with this method.")
        raise InvalidRequest(ErrorCode.ROUTE_NOT_FOUND, "No resource has this path.")


def _refuse_other_media(request: Request) -> None:
    """API Gateway checks only bodies that say they are JSON, so the others must not get past here."""
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if request.body and media_type != JSON:
        raise InvalidRequest(ErrorCode.MEDIA_TYPE_UNSUPPORTED, "A body must be application/json.", field="Content-Type")


def _match(template: str, path: str) -> dict[str, str] | None:
    expected, given = template.strip("/").split("/"), path.strip("/").split("/")
    if len(expected) != len(given):
        return None
    arguments: dict[str, str] = {}
    for name, segment in zip(expected, given, strict=True):
        if name.startswith("{"):
            arguments[name.strip("{}")] = unquote(segment)
        elif name != segment:
            return None
    return arguments
