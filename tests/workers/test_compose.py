"""The deployment files name only what exists: settings, services, files, commands; and every long runner is watched."""

import os
import re
import secrets
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from workers.cli.main import app
from workers.embedded.temporal import EmbeddedTemporal
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
ONE_SHOT = {name for name, service in SERVICES.items() if service["restart"] == "on-failure"}
UNWATCHED = {"otel-collector", "temporal-ui"}  # their images hold no shell and no probe


def test_gov_14_every_part_of_the_product_is_there() -> None:
    assert {"api", "worker", "trainer", "migrate", "deploy"} == OURS
    assert {"postgres", "temporal", "temporal-postgres", "temporal-ui", "otel-collector"} <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_pinned_image_or_is_built_here(name: str) -> None:
    service = SERVICES[name]
    if name in OURS:
        assert (ROOT / service["build"] / "Dockerfile").exists()
    else:
        assert re.search(r":(\$\{\w+:-)?\d[\w.]*\}?$", service["image"]), service["image"]


def test_every_variable_of_ours_is_a_setting() -> None:
    for file in ("docker-compose.yml", "deploy/example.env", "Dockerfile"):
        named = set(re.findall(r"\bJOURNEYS_([A-Z_]+)\b", (ROOT / file).read_text()))
        assert named
        assert {name.lower() for name in named} <= set(Settings.model_fields), file


def test_every_required_variable_has_an_example() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert required <= set(re.findall(r"^(\w+)=", (ROOT / "deploy/example.env").read_text(), re.MULTILINE))
    assert "POSTGRES_PASSWORD" in required


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_exists_and_can_come_true(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert other in ONE_SHOT


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT - UNWATCHED))
def test_every_long_runner_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_services_run_commands_that_exist(name: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert SERVICES[name]["command"][0] in commands


def test_mounted_files_and_volumes_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"], source


def test_the_settings_of_our_services_load() -> None:
    for name in OURS:
        values = {key.removeprefix("JOURNEYS_").lower(): filled(value) for key, value in SERVICES[name]["environment"].items()}
        settings = Settings(_env_file=None, **values)
        assert settings.temporal_address == "temporal:7233"
        assert settings.dsn.endswith("@postgres:5432/journeys")


def filled(value: object) -> str:
    """As compose fills in variables that have a default or are required."""
    return re.sub(r"\$\{\w+:(-|\?)([^}]*)\}", lambda m: m[2] if m[1] == "-" else secrets.token_hex(), str(value))


def test_what_scrapes_and_traces_goes_to_ports_that_are_served() -> None:
    collector = yaml.safe_load((ROOT / "deploy/otel-collector.yaml").read_text())
    worker, api = (SERVICES[name]["environment"] for name in ("worker", "api"))
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert api["JOURNEYS_OTLP_ENDPOINT"] == f"http://otel-collector:{port}"
    scraped = {
        (target["names"][0], target["port"])
        for job in collector["receivers"]["prometheus"]["config"]["scrape_configs"]
        for target in job["dns_sd_configs"]
    }
    ours, temporals = worker["JOURNEYS_METRICS_PORT"], worker["JOURNEYS_TEMPORAL_METRICS_PORT"]
    assert scraped == {("api", Settings.model_fields["api_port"].default), ("worker", ours), ("worker", temporals)}
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])


def test_temporal_has_the_same_dynamic_settings_as_the_embedded_server() -> None:
    real = yaml.safe_load((ROOT / "deploy/temporal-dynamic.yaml").read_text())
    embedded = " ".join(EmbeddedTemporal(Path("log"), None)._arguments())  # type: ignore[arg-type]
    for name, (rule,) in real.items():
        assert f"--dynamic-config-value {name}={str(rule['value']).lower()}" in embedded


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_parse_and_stop_at_the_first_error(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)
    assert "\nset -eu\n" in script.read_text()
    assert os.access(script, os.X_OK)


def test_the_image_holds_every_package_and_installs_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)) == {name.rstrip("*") for name in packages} | {"definitions"}
    assert text.index("WORKDIR /app") < text.index("COPY definitions definitions"), "not installed"
    assert "--require-hashes --wheel-dir /wheels -r /requirements.lock" in text
    assert "--no-index" in text
    assert "\nUSER journeys\n" in text


def has_compose() -> bool:
    asked = ["docker", "compose", "version"]
    return bool(shutil.which("docker")) and not subprocess.run(asked, capture_output=True, check=False).returncode


if has_compose():

    def test_compose_itself_accepts_the_file() -> None:
        command = ["docker", "compose", "--env-file", "deploy/example.env", "config", "--quiet"]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
