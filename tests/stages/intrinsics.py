"""What CloudFormation would make of conditions and intrinsic functions, for given parameters."""

from collections.abc import Mapping, Sequence
from typing import Any


class Evaluation:
    """Resolves the parts of a template that the release state decides. References that are not parameters stay."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Sequence[str]]) -> None:
        self._conditions = template.get("Conditions", {})
        self._parameters = parameters

    def condition(self, name: str) -> bool:
        return self._is_true(self._conditions[name])

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, Mapping):
            return node
        match dict(node):
            case {"Ref": str(name)} if name in self._parameters:
                return list(self._parameters[name])
            case {"Fn::Select": [index, values]}:
                return self.value(values)[int(index)]
            case {"Fn::If": [str(name), when_true, otherwise]}:
                return self.value(when_true if self.condition(name) else otherwise)
        return {key: self.value(item) for key, item in node.items()}

    def _is_true(self, expression: Mapping[str, Any]) -> bool:
        match dict(expression):
            case {"Condition": str(name)}:
                return self.condition(name)
            case {"Fn::Equals": [left, right]}:
                return bool(self.value(left) == self.value(right))
            case {"Fn::And": operands}:
                return all(self._is_true(operand) for operand in operands)
            case {"Fn::Or": operands}:
                return any(self._is_true(operand) for operand in operands)
            case {"Fn::Not": [operand]}:
                return not self._is_true(operand)
        raise ValueError(f"not a condition: {expression}")
