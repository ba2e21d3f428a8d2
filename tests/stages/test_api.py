"""What the API lets through, and to whom."""

import json
import shutil
from typing import Any

import pytest

from release import names
from release.names import ROUTED, Colour
from stages import contract
from stages.constructs import payment_api, private_integration
from stages.environments import DEV
from stages.payment_stage import PaymentStage
from tests.stages.templates import ENVIRONMENTS, Resource, Synthesis, layer_templates, new_app, texts


def api_resources(synthesis: Synthesis, type_: str) -> list[Resource]:
    found = list(synthesis.resources(type_))
    assert found, f"no {type_}"
    return found


def test_every_method_is_signed_and_validated(synthesis: Synthesis) -> None:
    for method in api_resources(synthesis, "AWS::ApiGateway::Method"):
        assert method.properties["AuthorizationType"] == "AWS_IAM", str(method)
        assert method.properties["RequestValidatorId"], str(method)
    for validator in api_resources(synthesis, "AWS::ApiGateway::RequestValidator"):
        assert validator.properties["ValidateRequestBody"] is True
        assert validator.properties["ValidateRequestParameters"] is True


def test_methods_with_a_body_have_a_model_that_refuses_unknown_fields(synthesis: Synthesis) -> None:
    with_body = [
        method
        for method in api_resources(synthesis, "AWS::ApiGateway::Method")
        if method.properties["HttpMethod"] in {"POST", "PUT"}
    ]
    assert all("application/json" in method.properties["RequestModels"] for method in with_body)
    for model in api_resources(synthesis, "AWS::ApiGateway::Model"):
        assert model.properties["Schema"]["additionalProperties"] is False


def test_a_payment_needs_an_idempotency_key(synthesis: Synthesis) -> None:
    for method in api_resources(synthesis, "AWS::ApiGateway::Method"):
        if method.properties["HttpMethod"] == "POST":
            assert method.properties["RequestParameters"]["method.request.header.Idempotency-Key"] is True, str(method)


def test_no_caller_can_choose_a_colour_or_an_identity(synthesis: Synthesis) -> None:
    for method in api_resources(synthesis, "AWS::ApiGateway::Method"):
        parameters = method.properties["Integration"]["RequestParameters"]
        assert parameters["integration.request.header.x-release-color"] == "stageVariables.releaseColor"
        assert parameters["integration.request.header.x-caller-account"] == "context.identity.accountId"
        assert parameters["integration.request.header.x-caller-id"] == "context.identity.caller"
        assert parameters["integration.request.header.x-source-address"] == "context.identity.sourceIp"
        assert parameters["integration.request.header.x-correlation-id"] == "context.requestId"


def test_requests_go_to_the_private_load_balancer_over_the_link_within_ten_seconds(synthesis: Synthesis) -> None:
    for method in api_resources(synthesis, "AWS::ApiGateway::Method"):
        integration = method.properties["Integration"]
        assert integration["ConnectionType"] == "VPC_LINK"
        assert integration["IntegrationTarget"]["Ref"].startswith("BalancerLoadBalancer")
        assert integration["TimeoutInMillis"] == 10_000
        assert "https://" in texts(integration["Uri"])


def test_each_stage_sends_its_colour_and_the_live_one_none(synthesis: Synthesis) -> None:
    colours = {
        (stage.environment.suffix, stage.properties["StageName"]): stage.properties["Variables"]["releaseColor"]
        for stage in api_resources(synthesis, "AWS::ApiGateway::Stage")
    }
    assert {(name, colour) for (_, name), colour in colours.items()} == {
        ("live", "none"),
        ("preview-blue", "blue"),
        ("preview-green", "green"),
    }


def test_previews_are_denied_to_all_but_the_test_role(synthesis: Synthesis) -> None:
    for api in api_resources(synthesis, "AWS::ApiGateway::RestApi"):
        suffix, account = api.environment.suffix, api.environment.account
        (deny,) = [s for s in api.properties["Policy"]["Statement"] if s["Effect"] == "Deny"]
        assert deny["Principal"] == {"AWS": "*"}
        assert deny["Resource"] == ["execute-api:/preview-blue/*", "execute-api:/preview-green/*"]
        assert deny["Condition"] == {
            "ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/payment-{suffix}-integration-test"}
        }


def test_logs_cannot_hold_card_data(synthesis: Synthesis) -> None:
    """Execution logs and validation messages quote values; access logs are an allow-list without bodies."""
    for stage in api_resources(synthesis, "AWS::ApiGateway::Stage"):
        (settings,) = stage.properties["MethodSettings"]
        assert settings["LoggingLevel"] == "OFF"
        assert settings["DataTraceEnabled"] is False
        fields = json.loads(stage.properties["AccessLogSetting"]["Format"]).values()
        assert not [field for field in fields if "error.message" in field or "validation" in field.lower()]
        assert all(field.startswith("$context.") for field in fields)
    for response in api_resources(synthesis, "AWS::ApiGateway::GatewayResponse"):
        assert "$" not in str(response.properties["ResponseTemplates"])


def test_the_apis_own_answers_are_problems(synthesis: Synthesis) -> None:
    types = set()
    for response in api_resources(synthesis, "AWS::ApiGateway::GatewayResponse"):
        properties = response.properties
        types.add(properties["ResponseType"])
        assert properties["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        problem = json.loads(properties["ResponseTemplates"]["application/json"])
        assert problem.keys() >= {"type", "title", "code", "detail"}
    assert types == {"BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "WAF_FILTERED"}


def test_every_stage_is_behind_the_firewall(synthesis: Synthesis) -> None:
    stages = api_resources(synthesis, "AWS::ApiGateway::Stage")
    associations = api_resources(synthesis, "AWS::WAFv2::WebACLAssociation")
    protected = {(a.environment.suffix, text) for a in associations for text in texts(a.properties["ResourceArn"])}
    assert {(stage.environment.suffix, stage.logical_id) for stage in stages} <= protected


def test_the_firewall_limits_addresses_and_blocks(synthesis: Synthesis) -> None:
    for acl in api_resources(synthesis, "AWS::WAFv2::WebACL"):
        rules = {rule["Name"]: rule for rule in acl.properties["Rules"]}
        limit = rules.pop("rate-per-address")
        assert limit["Action"] == {"Block": {}}
        assert limit["Statement"]["RateBasedStatement"]["Limit"] == acl.environment.api.requests_per_address
        assert rules.pop("card-number-in-address")["Action"] == {"Block": {}}
        assert len(rules) >= 3
        assert all(rule["OverrideAction"] == {"None": {}} for rule in rules.values())
        managed = {name: rule["Statement"]["ManagedRuleGroupStatement"] for name, rule in rules.items()}
        # A program need not say what it is; nothing else is let through.
        counted = {
            name: group["RuleActionOverrides"] for name, group in managed.items() if "RuleActionOverrides" in group
        }
        only = [{"Name": "NoUserAgent_HEADER", "ActionToUse": {"Count": {}}}]
        assert counted == {"AWSManagedRulesCommonRuleSet": only}


class TestRules:
    """The listener's rules."""

    @pytest.fixture
    def rules(self, synthesis: Synthesis) -> dict[int, dict[str, Any]]:
        return {
            rule.properties["Priority"]: rule.properties
            for rule in synthesis.resources("AWS::ElasticLoadBalancingV2::ListenerRule")
            if rule.environment.suffix == "dev"
        }

    def test_previews_come_before_weights(self, rules: dict[int, dict[str, Any]]) -> None:
        assert sorted(rules) == [11, 12, 21, 22, 110, 120]

    def test_only_previews_look_at_the_colour(self, rules: dict[int, dict[str, Any]]) -> None:
        for priority, rule in rules.items():
            headers = [c["HttpHeaderConfig"] for c in rule["Conditions"] if c["Field"] == "http-header"]
            if priority > 100:
                assert headers == []
            else:
                colour = "blue" if priority % 10 == 1 else "green"
                assert headers == [{"HttpHeaderName": "x-release-color", "Values": [colour]}]
                (group,) = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
                assert colour in group["TargetGroupArn"]["Ref"].lower()

    def test_no_rule_has_more_values_than_a_load_balancer_takes(self, rules: dict[int, dict[str, Any]]) -> None:
        for rule in rules.values():
            values = [
                value
                for condition in rule["Conditions"]
                for key, config in condition.items()
                if key.endswith("Config")
                for value in config["Values"]
            ]
            assert len(values) <= 5

    def test_every_path_begins_with_a_stage(self, rules: dict[int, dict[str, Any]]) -> None:
        for rule in rules.values():
            (paths,) = [c["PathPatternConfig"]["Values"] for c in rule["Conditions"] if c["Field"] == "path-pattern"]
            assert all(path.startswith("/*/") for path in paths)


def test_target_groups_hold_their_colours_alias(synthesis: Synthesis) -> None:
    for group in api_resources(synthesis, "AWS::ElasticLoadBalancingV2::TargetGroup"):
        (target,) = group.properties["Targets"]
        colour = group.properties["Name"].rsplit("-", 1)[1]
        assert colour in set(Colour)
        assert colour.capitalize() in next(texts(target["Id"]))
        assert group.definition["DependsOn"], "registering needs the permission first"


def test_every_routed_function_has_two_target_groups(synthesis: Synthesis) -> None:
    expected = {names.target_group("dev", name, colour) for name in ROUTED for colour in Colour}
    found = {
        group.properties["Name"]
        for group in api_resources(synthesis, "AWS::ElasticLoadBalancingV2::TargetGroup")
        if group.environment.suffix == "dev"
    }
    assert found == expected


def deployment_id() -> str:
    app = new_app()
    stage = PaymentStage(app, "Dev", environment=DEV)
    template = layer_templates(app.synth(), stage)["api"]
    (deployment,) = [
        key for key, value in template["Resources"].items() if value["Type"] == "AWS::ApiGateway::Deployment"
    ]
    assert template["Resources"][deployment]["DeletionPolicy"] == "Retain"
    return str(deployment)


def test_a_change_of_the_api_makes_a_new_deployment(
    synthesis: Synthesis, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = deployment_id()
    assert before == deployment_id(), "the same code gives the same deployment"
    with monkeypatch.context() as patch:
        patch.setitem(private_integration.TRUSTED_HEADERS, "integration.request.header.x-stage", "context.stage")
        assert deployment_id() != before
    sources = tmp_path_factory.mktemp("sources")
    (sources / "payment_core").mkdir()
    shutil.copy(contract.DOCUMENT, sources)
    shutil.copytree(contract.DOCUMENT.parent / "payment_core" / "schemas", sources / "payment_core" / "schemas")
    schema = sources / "payment_core" / "schemas" / "put_customer.json"
    schema.write_text(schema.read_text().replace("999999999999", "5"))
    with monkeypatch.context() as patch:
        patch.setattr(contract, "DOCUMENT", sources / contract.DOCUMENT.name)
        assert deployment_id() != before
    document = sources / contract.DOCUMENT.name
    document.write_text(document.read_text().replace('"/health"', '"/healthy"'))
    with monkeypatch.context() as patch:
        patch.setattr(contract, "DOCUMENT", document)
        assert deployment_id() != before


def test_routes_and_models_are_the_contracts(synthesis: Synthesis) -> None:
    described = {(operation.path.lstrip("/"), operation.method): operation for operation in contract.operations()}
    for environment in ENVIRONMENTS:
        resources = synthesis.template(environment.suffix, "api")["Resources"]
        methods = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGateway::Method"]
        found = {}
        for method in methods:
            segments: list[str] = []
            parent = method["ResourceId"].get("Ref")
            while parent:
                part = resources[parent]["Properties"]
                segments.insert(0, part["PathPart"])
                parent = part["ParentId"].get("Ref")
            found["/".join(segments), method["HttpMethod"]] = method
        assert set(found) == set(described)
        for key, operation in described.items():
            required = {
                f"method.request.{place}.{name}"
                for place, kind in (("header", "header"), ("path", "path"), ("querystring", "query"))
                for name in operation.named(kind, required=True)
            }
            parameters = found[key].get("RequestParameters", {})
            assert {name for name, wanted in parameters.items() if wanted} == required
            model = found[key].get("RequestModels", {}).get("application/json", {}).get("Ref")
            schema = resources[model]["Properties"]["Schema"] if model else None
            assert schema == (operation.model.schema if operation.model else None)


def test_the_gateways_own_codes_are_in_the_contract() -> None:
    own = {code for _, code, _ in payment_api.PROBLEMS.values()}
    listed = contract.document()["x-problems"]
    assert own <= set(listed)
    for status, code, _ in payment_api.PROBLEMS.values():
        assert listed[code]["status"] == status


def test_the_firewalls_log_does_not_say_what_was_asked_for(synthesis: Synthesis) -> None:
    """Addresses and idempotency keys are what a careless client may put a card number into."""
    for logging in api_resources(synthesis, "AWS::WAFv2::LoggingConfiguration"):
        redacted = logging.properties["RedactedFields"]
        assert {"UriPath": {}} in redacted
        assert {"QueryString": {}} in redacted
        headers = {field["SingleHeader"]["Name"] for field in redacted if "SingleHeader" in field}
        assert headers == {"authorization", "x-amz-security-token", "idempotency-key"}


def test_card_numbers_in_addresses_are_blocked_before_other_rules_look(synthesis: Synthesis) -> None:
    for acl in api_resources(synthesis, "AWS::WAFv2::WebACL"):
        _, rule, *_ = sorted(acl.properties["Rules"], key=lambda rule: int(rule["Priority"]))
        assert (rule["Name"], rule["Action"]) == ("card-number-in-address", {"Block": {}})
        matches = [part["RegexMatchStatement"] for part in rule["Statement"]["OrStatement"]["Statements"]]
        assert [match["FieldToMatch"] for match in matches] == [{"UriPath": {}}, {"QueryString": {}}]
        assert {step["Type"] for match in matches for step in match["TextTransformations"]} == {"URL_DECODE"}
