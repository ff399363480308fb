import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from apps.common import processes
from apps.common.embedded.paths import project_dir

COMPOSE = project_dir() / "docker-compose.yml"
SCHEMA = project_dir() / "tests" / "data" / "compose-spec.json"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(COMPOSE.read_text())


def test_the_compose_file_follows_the_specification(compose: Any) -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(compose)


def test_the_specification_refuses_what_it_does_not_know(compose: Any) -> None:
    wrong = json.loads(json.dumps(compose))
    wrong["services"]["web"]["comand"] = ["true"]
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(wrong)


@pytest.mark.parametrize("name", ["web", "live", "worker", "beat"])
def test_a_service_runs_the_very_command_of_serve(compose: Any, name: str) -> None:
    var = Path(compose["x-product"]["environment"]["GRID_VAR_DIR"])
    assert compose["services"][name]["command"] == ["python", "-m", *processes.behind_proxy(var=var)[name].module]


def test_every_long_lived_service_has_a_health_check_and_comes_back(compose: Any) -> None:
    for name, service in compose["services"].items():
        if name != "prepare":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_every_named_volume_is_declared_and_every_wait_is_for_a_service(compose: Any) -> None:
    for service in compose["services"].values():
        named = [volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith((".", "/"))]
        assert set(named) <= set(compose["volumes"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_secrets_come_from_the_environment_and_the_example_names_all_of_them() -> None:
    text = COMPOSE.read_text()
    asked = set(re.findall(r"\$\{(\w+)", text))
    offered = set(re.findall(r"^(\w+)=", (project_dir() / "deploy" / "env.example").read_text(), re.MULTILINE))
    assert asked == offered
    for secret in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        assert f"${{{secret}:?" in text


def test_the_proxy_speaks_to_the_ports_of_the_services() -> None:
    caddy = (project_dir() / "deploy" / "Caddyfile").read_text()
    assert f"web:{processes.WEB_PORT}" in caddy
    assert f"live:{processes.LIVE_PORT}" in caddy
