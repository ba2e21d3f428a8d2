"""`python -m pipeline.compliance <assembly> <directory>`: write the table of controls as Markdown and JSON."""

import sys
from pathlib import Path

from pipeline.compliance.report import as_json, as_markdown, examine


def main(assembly: Path, directory: Path) -> int:
    """0 where every rule holds and none is without a resource that proves it."""
    compliance = examine(assembly)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "compliance.json").write_text(as_json(compliance), encoding="utf-8")
    (directory / "compliance.md").write_text(as_markdown(compliance), encoding="utf-8")
    for judgement in compliance.violations:
        print(f"violated: {judgement.rule.name} at {judgement.resource.stack}/{judgement.resource.logical_id}")
    for rule in compliance.unproved:
        print(f"nothing proves {rule.name}: there is no such resource")
    rules = {judgement.rule.id for judgement in compliance.judgements}
    print(f"{len(rules)} rules at {len(compliance.judgements)} resources: {directory / 'compliance.md'}")
    return 1 if compliance.violations or compliance.unproved else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
