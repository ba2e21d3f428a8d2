"""`python -m local.engine --state-dir .local --port 4566`: serve the embedded AWS until told to stop."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local.engine.cloudwatch.clock import ClockFactorError
from local.engine.seams import SeamBrokenError
from local.engine.server import Settings, serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.engine", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for everything the engine writes")
    parser.add_argument("--port", type=int, required=True, help="loopback port of every AWS API")
    parser.add_argument("--node-path", type=Path, help="node_modules with the AWS SDK for CDK's own custom resources")
    parser.add_argument("--parent-pid", type=int, help="stop when this process, the parent, is gone")
    arguments = parser.parse_args()
    settings = Settings(
        port=arguments.port,
        state_dir=arguments.state_dir.resolve(),
        node_path=arguments.node_path.resolve() if arguments.node_path else None,
        parent_pid=arguments.parent_pid,
    )
    try:
        serve(settings)
    except (SeamBrokenError, ClockFactorError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
