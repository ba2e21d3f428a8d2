"""A build's environment variables: the machine's, then CodeBuild's own, then the layers that AWS puts over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.pipeline.aws import AwsSession
from local.pipeline.codebuild.buildspec import Buildspec
from local.pipeline.errors import UnsupportedError

# What a build takes over from the machine: how to reach the network and package indexes. Never credentials of AWS.
INHERITED = frozenset(
    {
        "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
        "no_proxy",
    }
)  # fmt: skip
INHERITED_PREFIXES = ("PIP_", "UV_", "NPM_CONFIG_", "npm_config_")
LOOPBACK = "127.0.0.1,localhost"
# A build has a home of its own, but package managers keep the machine's configuration and caches.
TOOL_FILES = {
    "NPM_CONFIG_USERCONFIG": (".npmrc",),
    "PIP_CONFIG_FILE": (".config/pip/pip.conf", ".pip/pip.conf"),
    "UV_CONFIG_FILE": (".config/uv/uv.toml",),
}
TOOL_CACHES = {
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": ".cache/aws/jsii/package-cache",  # a fresh one unpacks 207 MB
    "NPM_CONFIG_CACHE": ".npm",
    "PIP_CACHE_DIR": ".cache/pip",
    "UV_CACHE_DIR": ".cache/uv",
}


@dataclass(frozen=True, kw_only=True)
class Variable:
    name: str
    value: str
    type: str = "PLAINTEXT"


@dataclass(frozen=True, kw_only=True)
class Directories:
    """A build's own folders."""

    root: Path

    @property
    def source(self) -> Path:
        return self.root / "src"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def secondary(self, artifact: str) -> Path:
        return self.root / "secondary" / artifact


def machine_environment(
    machine: Mapping[str, str], *, directories: Directories, path: str, npm_prefix: Path, image: Mapping[str, str]
) -> dict[str, str]:
    """What the build image would bring: from the host's environment `machine`, with the operator's `image` over it."""
    kept = {k: v for k, v in machine.items() if k in INHERITED or k.startswith(INHERITED_PREFIXES)}
    owner = Path(machine.get("HOME", "/"))
    files = {
        name: str(owner / found)
        for name, choices in TOOL_FILES.items()
        if (found := next((c for c in choices if (owner / c).is_file()), None))
    }
    caches = {name: str(owner / folder) for name, folder in TOOL_CACHES.items()}
    direct = {name: ",".join(filter(None, (kept.get(name), LOOPBACK))) for name in ("NO_PROXY", "no_proxy")}
    return {
        **caches,
        **files,
        **kept,
        **direct,
        "HOME": str(directories.home),
        "TMPDIR": str(directories.temporary),
        "NPM_CONFIG_PREFIX": str(npm_prefix),
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "PATH": f"{npm_prefix / 'bin'}:{path}",
        **image,
    }


def layers(spec: Buildspec, project: Mapping[str, Any], override: str) -> list[Variable]:
    """The buildspec's variables, then the project's, then the action's (a JSON list); later ones win."""
    found = [Variable(name=k, value=v) for k, v in spec.variables.items()]
    found += [Variable(name=k, value=v, type="PARAMETER_STORE") for k, v in spec.parameters.items()]
    found += [Variable(name=k, value=v, type="SECRETS_MANAGER") for k, v in spec.secrets.items()]
    for item in (*project["environment"].get("environmentVariables", ()), *json.loads(override or "[]")):
        found.append(Variable(name=item["name"], value=str(item["value"]), type=item.get("type") or "PLAINTEXT"))
    return found


def resolve(variables: Iterable[Variable], session: AwsSession) -> tuple[dict[str, str], frozenset[str]]:
    """The values, and those among them that no log may show. Reads with the build's own role."""
    last = {variable.name: variable for variable in variables}
    values = {name: _value(variable, session) for name, variable in last.items()}
    secret = frozenset(values[name] for name, v in last.items() if v.type != "PLAINTEXT" and len(values[name]) > 3)
    return values, secret


def _value(variable: Variable, session: AwsSession) -> str:
    if variable.type == "PLAINTEXT":
        return variable.value
    if variable.type == "PARAMETER_STORE":
        found = session.client("ssm").get_parameter(Name=variable.value, WithDecryption=True)
        return str(found["Parameter"]["Value"])
    if variable.type == "SECRETS_MANAGER":
        return _secret(variable.value, session)
    raise UnsupportedError(f"environment variable {variable.name} of type {variable.type}")


def _secret(reference: str, session: AwsSession) -> str:
    """`secret-id[:json-key[:version-stage[:version-id]]]`, where the id may be an ARN (seven parts)."""
    parts = reference.split(":")
    size = 7 if reference.startswith("arn:") else 1
    key, stage, version = (*parts[size:], "", "", "")[:3]
    arguments = {"SecretId": ":".join(parts[:size])}
    arguments |= {"VersionStage": stage} if stage else {}
    arguments |= {"VersionId": version} if version else {}
    text = str(session.client("secretsmanager").get_secret_value(**arguments)["SecretString"])
    return str(json.loads(text)[key]) if key else text
