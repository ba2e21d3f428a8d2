"""Is what is live exactly what is recorded?"""

from release.layout import ReleaseState
from release.model import Journal, Observation
from release.names import FUNCTIONS, LIVE_STAGE, ROUTED


def findings(observed: Observation, recorded: ReleaseState | None, journal: Journal) -> list[str]:
    """Everything that is not as it should be, one line each; empty when all is well."""
    found = [f"{name}: no weighted rule" for name in ROUTED if name not in {rule.function for rule in observed.rules}]
    if journal.operation is not None:
        found.append(f"a {journal.operation} is under way, or was killed")
    if observed.live_colour is None:
        shares = "; ".join(
            f"{rule.function} " + "/".join(f"{c}={w}" for c, w in rule.weights.items()) for rule in observed.rules
        )
        return [*found, f"the rules do not all send everything to one colour: {shares or 'there are none'}"]
    if recorded is None or not recorded.has_history:
        return [*found, "no release is recorded"]
    state = observed.state()
    if state.live_colour != recorded.live_colour:
        found.append(f"{state.live_colour} is live, {recorded.live_colour} is recorded")
    for name in FUNCTIONS:
        seen, wanted = (s.functions[name].version(recorded.live_colour) for s in (state, recorded))
        if seen != wanted:
            found.append(f"{name}: alias {recorded.live_colour} holds {seen}, {wanted} is recorded")
    if state.deployment_id != recorded.deployment_id:
        found.append(f"stage {LIVE_STAGE} serves {state.deployment_id}, {recorded.deployment_id} is recorded")
    return found
