"""What a Lambda worker remembers between requests."""

import logging
import sys

FUNCTION_PACKAGES = (
    "payment_core",
    "payment_validation",
    "transaction_processing",
    "fraud_detection",
    "secret_rotation",
    "schema_migration",
    "audit_writer",
)


def forget_workers() -> None:
    """Empty every per-worker cache of the functions."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in FUNCTION_PACKAGES:
            if hasattr(module, "_executor"):
                # Nobody waits for a score that came too late; its thread still writes to this test's stdout.
                module._executor().shutdown()
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
    # A Powertools logger writes to the stdout that it was made with.
    logging.Logger.manager.loggerDict.pop("test", None)
