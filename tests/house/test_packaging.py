"""The image and the compose file, as far as they can be read without building them."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.source import HOME, text

SERVICES = {"web", "streams", "worker", "beat", "db", "redis", "migrate"}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(text(Path("docker-compose.yml"))))


def test_compose_has_every_part() -> None:
    assert set(compose()["services"]) == SERVICES


def test_every_part_that_stays_up_has_a_health_check_and_time_to_stop() -> None:
    for name, service in compose()["services"].items():
        if name != "migrate":
            assert "healthcheck" in service, name
            assert service["restart"] == "unless-stopped", name
    for name in ("web", "streams", "worker", "beat"):
        assert compose()["services"][name]["stop_grace_period"] == "30s", name


def test_web_worker_and_beat_wait_for_the_migrations() -> None:
    for name in ("web", "streams", "worker", "beat"):
        waits = compose()["services"][name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully", name
    waits = compose()["services"]["migrate"]["depends_on"]
    assert waits["db"]["condition"] == "service_healthy"


def test_redis_keeps_its_messages_and_evicts_none() -> None:
    command = " ".join(map(str, compose()["services"]["redis"]["command"]))
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "--requirepass" in command


def test_no_secret_stands_in_the_compose_file() -> None:
    """Secrets come from the environment; those that are needed have no default."""
    optional = {"SECRET_KEY_FALLBACKS", "PAYMENT_SANDBOX_SECRET"}
    for line in text(Path("docker-compose.yml")).splitlines():
        match = re.search(r"\$\{(\w*(?:KEY|KEYS|PASSWORD|SECRET)\w*)([^}]*)\}", line)
        if match:
            wanted = ":-" if match[1] in optional else ":?"
            assert match[2].startswith(wanted), line
            assert wanted == ":?" or match[2] == ":-", line


def test_only_the_web_and_the_streams_are_reachable_from_outside() -> None:
    open_ = [name for name, service in compose()["services"].items() if "ports" in service]
    assert open_ == ["web", "streams"]


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    lines = text(Path("Dockerfile")).splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users, "no USER"
    assert users[-1] not in {"root", "0"}
    assert "--require-hashes" in text(Path("Dockerfile"))
    assert not re.search(r"^(ENV|ARG) .*(SECRET|PASSWORD|TOKEN)", text(Path("Dockerfile")), re.M)


def test_the_image_leaves_out_what_it_does_not_need() -> None:
    left_out = text(Path(".dockerignore")).split()
    assert {".git", ".venv", "var", "tests"} <= {name.strip("/") for name in left_out}


def test_docker_itself_accepts_the_compose_file() -> None:
    docker = shutil.which("docker")
    asked = [str(docker), "compose", "version"]
    if docker is None or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no docker client with compose on this machine")
    names = set(re.findall(r"\$\{(\w+):\?", text(Path("docker-compose.yml"))))
    answer = subprocess.run(
        [docker, "compose", "-f", "docker-compose.yml", "config", "--quiet"],
        cwd=HOME,
        env={"PATH": os.environ["PATH"], **dict.fromkeys(names, "x")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "place", ["Dockerfile", "backend/launcher/steps.py", "docs/operations/deploy.md"]
)
def test_the_web_server_is_told_how_many_threads_it_has(place: str) -> None:
    """Each keeps a database connection: left to itself granian takes 256 a worker, and the first
    busy minute ended in "too many clients"."""
    assert re.search(r"--blocking-threads\W+8\b", text(Path(place))), place


def test_the_licence_is_apache_2() -> None:
    licence = text(Path("LICENSE"))
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert 'license = "Apache-2.0"' in text(Path("pyproject.toml"))


def test_the_changelog_names_the_version_of_the_project() -> None:
    version = re.search(r'^version = "([^"]+)"', text(Path("pyproject.toml")), re.M)
    assert version is not None
    assert f"## {version[1]}" in text(Path("CHANGELOG.md"))
