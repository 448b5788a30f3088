"""The http provider."""

from providers.conftest import Tradewind
from providers.servers import WebServer


def test_operators_sensors_and_notifier(tradewind: Tradewind, web_server: WebServer) -> None:
    http = f"http://127.0.0.1:{web_server.port}"
    done = tradewind.run("run_http", AIRFLOW_CONN_HTTP_DEFAULT=http)
    assert done.in_state("failed") == {"refused", "refused_later"}, done.output
    assert done.in_state("success") == {
        *("ready", "ready_later", "get", "post", "pages", "later"),
        *("from_a_hook", "compare", "tells"),
    }
    assert web_server.asked["/ready/poke"] == web_server.asked["/ready/defer"] == 3
    assert web_server.posted["/told"]["task"] == "tells"
    assert done.output.count("404") >= 2  # both failures say why
