"""What `tradewind providers` says about the providers that are there."""

import json
from typing import Any

from providers.conftest import HERE, Tradewind


def rows(tradewind: Tradewind, *arguments: str) -> list[dict[str, Any]]:
    done = tradewind.command("providers", *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_versions_are_those_that_were_asked_for(tradewind: Tradewind) -> None:
    listed = {row["package_name"]: row for row in rows(tradewind, "list")}
    lines = (HERE / "versions.txt").read_text().splitlines()
    wanted = dict(line.split("==") for line in lines if line.startswith("apache-airflow"))
    assert {name: listed[name]["version"] for name in wanted} == wanted
    assert listed["apache-airflow-providers-common-sql"]["task_decorators"] == ["sql", "analytics"]
    assert listed["apache-airflow-providers-sftp"]["connection_types"] == ["sftp"]


def test_what_they_bring(tradewind: Tradewind) -> None:
    hooks = {row["connection_type"]: row for row in rows(tradewind, "hooks")}
    assert hooks.keys() >= {
        *("fs", "http", "package_index", "postgres", "redis", "sftp", "smtp", "sqlite", "ssh")
    }
    assert hooks["postgres"]["conn_id_attribute_name"] == "postgres_conn_id"
    assert "cannot be imported" not in {row["class"] for row in hooks.values()}
    behaviours = {row["connection_type"]: row for row in rows(tradewind, "behaviours")}
    assert behaviours["ssh"]["field_behaviours"]["hidden-fields"] == ["schema"]
    options = {(row["section"], row["option"]) for row in rows(tradewind, "configs")}
    assert ("postgres", "azure_oauth_scope") in options
    notifiers = {row["class"] for row in rows(tradewind, "notifications")}
    assert "airflow.providers.smtp.notifications.smtp.SmtpNotifier" in notifiers
    triggers = {row["module"] for row in rows(tradewind, "triggers")}
    assert "airflow.providers.http.triggers.http" in triggers
    links = tradewind.command("providers", "links")
    assert links.returncode == 0, links.stderr


def test_one_provider(tradewind: Tradewind) -> None:
    short = tradewind.command("providers", "get", "http", "-o", "json")
    assert json.loads(short.stdout)["package_name"] == "apache-airflow-providers-http"
    full = tradewind.command("providers", "get", "http", "--full", "-o", "json")
    assert json.loads(full.stdout)["connection-types"][0]["connection-type"] == "http"
    absent = tradewind.command("providers", "get", "slack")
    assert absent.returncode == 1
    assert "`tradewind providers install slack`" in absent.stderr
