"""What plays the clouds for one test each: emulators; a web service for Slack and Databricks."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from providers.servers import free_port, wait_for_port


class Emulator:
    """A program of the clouds' environment that plays one on a port of its own."""

    def __init__(self, program: Path, *arguments: str) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [program, *arguments, str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self._process)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Services:
    """Slack's Web API and webhooks, and Databricks' jobs, as far as the DAGs here use them.

    A run of Databricks is pending when it is first asked for, then running, then ended: failed if
    its name says so.
    """

    def __init__(self) -> None:
        self.posted: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        self.run_names: list[str] = []
        outer = self

        class Handler(_Handler):
            services = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def post(self, path: str, body: Any) -> Any:
        """The answer to a POST: a text, or what becomes JSON."""
        self.posted.setdefault(path, []).append(body)
        if path.startswith("/services/"):
            return "ok"
        if path.startswith("/slack/"):
            return {"ok": True, "channel": "C1", "ts": "1.0"}
        if path.endswith(("/jobs/runs/submit", "/jobs/run-now")):
            self.run_names.append(str(body.get("run_name") or f"job {body.get('job_id')}"))
            return {"run_id": len(self.run_names)}
        if path.endswith("/jobs/create"):
            return {"job_id": 7}
        if path.rstrip("/").endswith("/sql/statements"):
            return {"statement_id": "s1", "status": {"state": "SUCCEEDED"}}
        return {}

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        if path.endswith("/jobs/runs/get"):
            return self._databricks_run(int(query["run_id"]))
        if path.endswith("/jobs/list"):
            return {"jobs": []}
        if "/sql/statements/" in path:
            return {"statement_id": "s1", "status": {"state": "SUCCEEDED"}}
        return {}

    def _databricks_run(self, run_id: int) -> dict[str, Any]:
        name = self.run_names[run_id - 1]
        self.asked[name] += 1
        life_cycle = {1: "PENDING", 2: "RUNNING"}.get(self.asked[name], "TERMINATED")
        if name.startswith("job ") and life_cycle == "PENDING":
            life_cycle = "RUNNING"
        state = {"life_cycle_state": life_cycle, "state_message": f"it is {life_cycle}"}
        if life_cycle == "TERMINATED":
            state["result_state"] = "FAILED" if "fail" in name else "SUCCESS"
        jobs = self.posted.get("/api/2.2/jobs/create", [{}])[-1].get("tasks", ())
        return {
            "run_id": run_id,
            "job_id": 7,
            "run_page_url": f"http://databricks/runs/{run_id}",
            "state": state,
            "tasks": [
                {"task_key": task["task_key"], "run_id": run_id, "start_time": 1, "state": state}
                for task in jobs
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    services: Services

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self._say(self.services.get(url.path, query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if "json" in self.headers.get("Content-Type", ""):
            said = json.loads(body or "{}")
        else:
            said = {key: values[-1] for key, values in parse_qs(body).items()}
        self._say(self.services.post(urlsplit(self.path).path, said))

    def _say(self, answer: Any) -> None:
        content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Not onto the terminal."""
