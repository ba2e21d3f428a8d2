"""REST APIs as AWS serves them: stages on frozen deployments, IAM, validation, private integrations.

The control plane is ministack's with what it lacks around it; the data plane is our own, since ministack's
serves the live API, not what was deployed. What it does not support, a deployment refuses by name.
"""

from __future__ import annotations

from local.engine.api_gateway import control, templates
from local.engine.api_gateway.access_log import AccessLog
from local.engine.api_gateway.data_plane import DataPlane
from local.engine.api_gateway.deployments import Deployments
from local.engine.api_gateway.firewall import Firewall
from local.engine.api_gateway.private_integration import PrivateIntegration
from local.engine.api_gateway.reachability import Reachability
from local.engine.api_gateway.throttling import Throttle
from local.engine.api_gateway.vpc_links import VpcLinks
from local.engine.load_balancer import plane
from local.engine.load_balancer.metrics import Flusher
from local.engine.registry import Registry


def register(registry: Registry) -> None:
    deployments, links, access_log = Deployments(), VpcLinks(), AccessLog()
    data_plane = DataPlane(
        deployments=deployments,
        integration=PrivateIntegration(plane(), links, Reachability()),
        metrics=plane().metrics,
        access_log=access_log,
        throttle=Throttle(),
        firewall=Firewall(),
    )
    flusher = Flusher([access_log.flush])
    registry.wrap_service("apigateway", control.wrapper(deployments, links))
    registry.wrap_app(data_plane.wrapper())
    registry.on_start(lambda _: flusher.run())
    registry.on_stop(flusher.stop)
    templates.register(registry)
