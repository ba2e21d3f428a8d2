"""What a room adds to the embedded AWS: template types, services, start hooks, wrappers.

A room's engine module has one public function, `register(registry)`, and no work at import. The modules
are listed in `local.engine.modules`. Registering twice is an error, so two rooms cannot shadow each other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine import context, stack_operation

if TYPE_CHECKING:
    from pathlib import Path

Properties = Mapping[str, Any]
Attributes = Mapping[str, Any]


# Joins the resources of one call when IAM must allow every one of them.
EACH = "\n"


class AlreadyRegisteredError(ValueError):
    """Two rooms claimed the same template type or service."""


class UnsupportedPropertyError(ValueError):
    """The template sets a property whose behaviour the embedded AWS does not have."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One template resource while CloudFormation handles it, with every intrinsic already resolved."""

    type: str
    logical_id: str
    stack_name: str
    account: str
    region: str
    properties: Properties
    physical_id: str = ""
    previous: Properties = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client that acts for CloudFormation in this resource's account and region: as the stack's role."""
        return context.client(service, account=self.account, region=self.region, as_who=stack_operation.deployer())

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def named(self, name_property: str) -> str:
        """The template's own name, else `<stack>-<logical id>`."""
        return str(self.properties.get(name_property) or f"{self.stack_name}-{self.logical_id}")


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """What CloudFormation remembers: `Ref` is the physical id, `Fn::GetAtt` reads the attributes."""

    physical_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One AWS API call after authentication and authorisation. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    headers: MutableMapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What a start hook may know of the running engine."""

    endpoint: str
    state_dir: Path


Create = Callable[[Resource], Provisioned]
Update = Callable[[Resource], Provisioned]
Delete = Callable[[Resource], None]
After = Callable[[Resource], Attributes | None]
Before = Callable[[Resource], None]
ServiceHandler = Callable[[Request], Awaitable[Response]]
ServiceWrapper = Callable[[Request, ServiceHandler], Awaitable[Response]]
ResourceArn = Callable[[str, Request], str]
AsgiApp = Callable[..., Awaitable[None]]
AsgiWrapper = Callable[[AsgiApp], AsgiApp]
StartHook = Callable[[Engine], None]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    create: Create
    delete: Delete
    update: Update | None
    properties: Collection[str] | None


@dataclass(frozen=True, kw_only=True)
class Service:
    handler: ServiceHandler
    target_prefixes: tuple[str, ...]
    iam_namespace: str


@dataclass
class Registry:
    """Collects what the modules add; `local.engine.install` puts it into ministack."""

    resource_types: dict[str, ResourceType] = field(default_factory=dict)
    afters: dict[str, list[After]] = field(default_factory=dict)
    befores: dict[str, list[Before]] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    resource_arns: dict[str, ResourceArn] = field(default_factory=dict)
    service_wrappers: dict[str, list[ServiceWrapper]] = field(default_factory=dict)
    asgi_wrappers: list[AsgiWrapper] = field(default_factory=list)
    preparations: list[StartHook] = field(default_factory=list)
    start_hooks: list[StartHook] = field(default_factory=list)
    stop_hooks: list[Callable[[], None]] = field(default_factory=list)
    supported: dict[str, set[str]] = field(default_factory=dict)

    def resource_type(
        self,
        name: str,
        *,
        create: Create,
        delete: Delete,
        update: Update | None = None,
        properties: Collection[str] | None = None,
    ) -> None:
        """Provide template type `name`, in place of ministack's own handler if it has one.

        Handlers run on a worker thread and may call the engine by `resource.client(...)`. Without `update`
        every change replaces the resource. `properties` lists what the handler understands; a template
        that sets anything else fails with `UnsupportedPropertyError`.
        """
        if name in self.resource_types:
            raise AlreadyRegisteredError(f"template type {name} is provided twice")
        self.resource_types[name] = ResourceType(create=create, delete=delete, update=update, properties=properties)

    def after(self, name: str, apply: After) -> None:
        """Run `apply` after every create and update of ministack's `name`; it may return more attributes."""
        self.afters.setdefault(name, []).append(apply)

    def before_delete(self, name: str, check: Before) -> None:
        """Run `check` before ministack deletes a `name`; raising keeps the resource (DELETE_FAILED)."""
        self.befores.setdefault(name, []).append(check)

    def supports(self, name: str, properties: Collection[str]) -> None:
        """Say that an `after` or a wrapper gives these properties of ministack's type `name` their effect."""
        self.supported.setdefault(name, set()).update(properties)

    def register_service(
        self,
        name: str,
        handler: ServiceHandler,
        *,
        target_prefixes: tuple[str, ...] = (),
        iam_namespace: str = "",
        resource_arn: ResourceArn | None = None,
    ) -> None:
        """Answer service `name` (the SigV4 scope), in place of ministack's handler if it has one.

        `handler` runs on the event loop in the caller's account: never block in it. IAM checks
        `<iam_namespace>:<operation>` on `resource_arn(operation, request)` before it (default `*`).
        """
        if name in self.services:
            raise AlreadyRegisteredError(f"service {name} is provided twice")
        self.services[name] = Service(
            handler=handler,
            target_prefixes=target_prefixes,
            iam_namespace=iam_namespace or name,
        )
        if resource_arn is not None:
            self.authorize_on(name, resource_arn)

    def authorize_on(self, service: str, resource_arn: ResourceArn) -> None:
        """Let IAM check `service`'s calls on `resource_arn(operation, request)`; empty means ministack's own answer.

        Several resources are joined by `EACH`.
        """
        self.resource_arns[service] = resource_arn

    def wrap_service(self, name: str, wrapper: ServiceWrapper) -> None:
        """Let `wrapper(request, proceed)` see every call of ministack's service `name`."""
        self.service_wrappers.setdefault(name, []).append(wrapper)

    def wrap_app(self, wrapper: AsgiWrapper) -> None:
        """Wrap the whole ASGI app; the wrapper registered last sees a request first."""
        self.asgi_wrappers.append(wrapper)

    def before_start(self, prepare: StartHook) -> None:
        """Run `prepare` once before the port answers: the place for `seams.wrap` and `seams.replace`."""
        self.preparations.append(prepare)

    def on_start(self, hook: StartHook) -> None:
        """Run `hook` on a daemon thread of its own once the port answers."""
        self.start_hooks.append(hook)

    def on_stop(self, hook: Callable[[], None]) -> None:
        """Run `hook` when the engine goes down in an orderly way. It has about a second."""
        self.stop_hooks.append(hook)
