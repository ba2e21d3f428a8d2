"""What runs here: the endpoint, the pipeline's stages, the release of every environment."""

from __future__ import annotations

import json
import subprocess
import sys

from local.assembly import PIPELINE_STACK, read_assembly
from local.aws import Endpoint
from local.branches import environments
from local.engine.launcher import memory_mb
from local.workspace import Workspace


def print_status(workspace: Workspace) -> int:
    """Print it; exit code 1 when nothing runs."""
    if not workspace.running.exists():
        sys.stdout.write("nothing runs here: 'make up' starts it\n")
        return 1
    running = json.loads(workspace.running.read_text())
    assembly = read_assembly(workspace.checkout / "cdk.out")
    endpoint = Endpoint(url=running["endpoint"], region=assembly.region)
    memory = memory_mb(running["engine"]["pid"])
    sys.stdout.write(f"endpoint {endpoint.url}\nremote   {running['repository']}\nmemory   {memory} MB\n\npipeline\n")
    client = endpoint.session(assembly.tooling_account).client("codepipeline")
    for stage in client.get_pipeline_state(name=PIPELINE_STACK)["stageStates"]:
        latest = stage.get("latestExecution")
        sys.stdout.write(f"  {stage['stageName']:<14} {latest['status'] if latest else '-'}\n")
    sys.stdout.write("\nenvironments\n")
    sys.stdout.flush()
    for target in assembly.targets:
        subprocess.run(
            [sys.executable, "-m", "release", "status", "--suffix", target.suffix],
            cwd=workspace.checkout,
            env=endpoint.environment(target.account, home=workspace.cli_home),
            check=False,
        )
    if assembly.branches_account:
        sys.stdout.write("\nbranches\n")
        for record in environments(endpoint, assembly):
            state = f"build {record['holder']}" if "holder" in record else f"at {record.get('commit_id', '-')[:8]}"
            sys.stdout.write(f"  {record['pk']:<13}{record['ref']:<30}{state}  {record.get('api_url', '')}\n")
    return 0
