"""Where a redirect action sends the client.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
"""

from __future__ import annotations

from local.engine.load_balancer.http import HttpRequest
from local.engine.load_balancer.model import Listener, Shape

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def location(config: Shape, request: HttpRequest, listener: Listener) -> str:
    """The `Location` header: each part of the action with `#{…}` replaced by the request's own part."""
    values = {
        "#{protocol}": listener.protocol.lower(),
        "#{host}": (request.header("host") or "").partition(":")[0],
        "#{port}": str(listener.port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }
    filled = {}
    for name in ("Protocol", "Host", "Port", "Path", "Query"):
        filled[name] = config[name]
        for placeholder, value in values.items():
            filled[name] = filled[name].replace(placeholder, value)
    scheme = filled["Protocol"].lower()
    port = "" if _DEFAULT_PORTS.get(scheme) == filled["Port"] else f":{filled['Port']}"
    query = f"?{filled['Query']}" if filled["Query"] else ""
    return f"{scheme}://{filled['Host']}{port}{filled['Path']}{query}"
