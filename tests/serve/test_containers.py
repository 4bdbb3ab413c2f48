"""The container file and its composition: what they name is there, and what runs has no rights that it does not need.

They are read here as their tools read them; no engine runs them.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from energy_gym.serve.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}

pytestmark = pytest.mark.skipif(not (ROOT / "Dockerfile").is_file(), reason="not a checkout")


def instructions():
    """Return the instructions of the container file, each with its words, lines joined and comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def values_of(name):
    return [words for found, words in instructions() if found == name]


def environment():
    """Return what the image sets."""
    return dict(word.split("=", 1) for words in values_of("ENV") for word in shlex.split(words))


def composed():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def test_every_instruction_is_known_and_every_image_has_a_version():
    assert {name for name, _ in instructions()} <= KNOWN
    for words in values_of("FROM"):
        tag = words.split()[0].partition(":")[2]
        assert tag
        assert tag != "latest"


def test_what_is_copied_is_there_or_made_by_an_earlier_stage():
    stages = {words.split()[2] for words in values_of("FROM") if " AS " in words}
    for words in values_of("COPY"):
        source, *rest = words.split()
        if source.startswith("--from="):
            assert source.removeprefix("--from=") in stages
        else:
            assert rest
            assert (ROOT / source).exists()


def test_it_runs_as_a_user_without_rights_that_owns_where_it_writes():
    names = [name for name, _ in instructions()]
    (user,) = values_of("USER")
    assert user == "10001"
    assert f"--uid {user}" in " ".join(values_of("RUN"))
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert not [words for name, words in instructions()[names.index("USER") :] if name == "RUN"]
    assert not re.search(r"sudo|chmod 777|curl|wget|ADD ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_what_the_image_installs_and_sets_is_known_to_the_package():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = re.search(r"\[([\w,]+)\]", " ".join(values_of("RUN")))
    assert set(asked[1].split(",")) <= set(extras)
    own = {name for name in environment() if not name.startswith(("PYTHON", "ENERGY_GYM_"))}
    assert own <= {name.upper() for name in Settings.model_fields}
    assert json.loads(values_of("ENTRYPOINT")[0]) == ["energy-gym"]
    assert json.loads(values_of("CMD")[0]) == ["serve"]
    assert values_of("EXPOSE") == [str(Settings.model_fields["service_port"].default)]


def test_the_health_check_is_a_command_that_python_takes():
    check = values_of("HEALTHCHECK")[0]
    python, flag, code = json.loads(check.partition("CMD ")[2])
    assert (python, flag) == ("python", "-c")
    compile(code, "health check", "exec")
    assert f":{Settings.model_fields['service_port'].default}/health" in code


def test_the_composition_fits_the_image_and_gives_no_more_rights_than_needed():
    told = composed()
    service, database = told["services"]["service"], told["services"]["database"]
    assert set(service["environment"]) <= {name.upper() for name in Settings.model_fields}
    assert service["read_only"] is True
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "ports" not in database
    named = {volume.split(":")[0] for one in told["services"].values() for volume in one["volumes"]}
    assert named == set(told["volumes"])
    url = service["environment"]["DATABASE_URL"]
    assert f"://{database['environment']['POSTGRES_USER']}:" in url
    assert url.endswith(f"@database/{database['environment']['POSTGRES_DB']}")
    secrets = [
        value for one in told["services"].values() for value in one["environment"].values() if "PASSWORD" in value
    ]
    assert all("${POSTGRES_PASSWORD:?" in value for value in secrets)
