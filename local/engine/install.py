"""Puts a filled registry into ministack: template types, services, the ASGI app."""

from __future__ import annotations

import functools
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from local.engine import seams
from local.engine.audit import PropertyAudit
from local.engine.ignored_properties import IGNORED
from local.engine.read_properties import refusing
from local.engine.registry import AsgiApp, Engine, Registry
from local.engine.services import install_service, with_resource_arns, wrapped_service
from local.engine.template_types import audited_handlers, own_handlers, wrapped_handlers

# Their properties are whatever the template's author wants.
FREE_FORM = {"AWS::CloudFormation::CustomResource"}


def install(registry: Registry, engine: Engine) -> None:
    """Make ministack behave as the registry says. Call once, before the server starts."""
    for prepare in registry.preparations:
        prepare(engine)
    handlers: dict[str, Any] = seams.get("cloudformation.handlers")
    audit = PropertyAudit(handlers, registry)
    for name in handlers.keys() - registry.resource_types.keys() - FREE_FORM:
        handlers[name] = audited_handlers(handlers[name], functools.partial(audit.check, name))
    for name, resource_type in registry.resource_types.items():
        handlers[name] = own_handlers(name, resource_type)
    for name in {*registry.afters, *registry.befores}:
        handlers[name] = wrapped_handlers(
            name, handlers[name], registry.afters.get(name, []), registry.befores.get(name, [])
        )
    for name in handlers.keys() - FREE_FORM:
        handlers[name] = refusing(name, handlers[name], IGNORED.get(name, ()))
    ours = {*registry.resource_types, *registry.afters, *registry.befores}
    seams.wrap("cloudformation.on_worker_thread", lambda original: lambda name: name in ours or original(name))
    for name, service in registry.services.items():
        install_service(name, service)
    for name, wrappers in registry.service_wrappers.items():
        table = seams.get("services")
        table[name] = functools.reduce(wrapped_service, wrappers, table[name])
    seams.wrap("iam.resource_arn", lambda original: with_resource_arns(original, registry.resource_arns))
    app = functools.reduce(lambda inner, wrap: wrap(inner), registry.asgi_wrappers, seams.get("app"))
    seams.replace("app", _with_start_hooks(app, registry, engine))


def _with_start_hooks(app: AsgiApp, registry: Registry, engine: Engine) -> AsgiApp:
    """Run the start hooks when the server answers; each on a daemon thread, each failure printed."""

    def run(hook: Callable[[Engine], None]) -> None:
        try:
            hook(engine)
        except Exception:
            traceback.print_exc()

    async def wrapped(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return

        async def observed(message: Mapping[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                for hook in registry.start_hooks:
                    threading.Thread(target=run, args=(hook,), daemon=True, name=f"start-{hook.__module__}").start()

        await app(scope, receive, observed)

    return wrapped
