"""An edge's RPC port: a real HTTP server that keeps a list of dialogs and what it was asked to do with them."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class EdgeDouble:
    """Speaks `switches.kamailio_rpc` from the other side. `calls` maps a call id to its handle."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[int, int]] = {}
        self.hung_up: list[tuple[int, int]] = []
        self.refusing: set[tuple[int, int]] = set()
        """Calls that it does not manage to end."""
        self.shut_out: list[str] = []
        self.admitted: list[str] = []
        self.forgotten: list[str] = []
        self.unregistered: list[str] = []
        self.extended: list[tuple[int, int, int]] = []
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                refused = asked["method"] == "tollgate.end" and tuple(asked["params"][:2]) in edge.refusing
                told = {"error": {"code": 500, "message": "No"}} if refused else {"result": edge.answer(asked)}
                body = json.dumps({"jsonrpc": "2.0", "id": 1} | told).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/RPC"

    def answer(self, asked: dict[str, Any]) -> Any:
        """What the edge does when it is asked."""
        params = asked["params"]
        match asked["method"]:
            case "dlg.briefing":
                return [self._dialog(call_id, handle) for call_id, handle in self.calls.items()]
            case "tollgate.end":
                self.hung_up.append((params[0], params[1]))
            case "tollgate.extend":
                rows = [tuple(map(int, row.split(":"))) for row in params[0].split(";")]
                self.extended += [(row[0], row[1], row[2]) for row in rows]
                return {"extended": len(rows), "gone": ""}
            case "htable.dump":
                kept = [{"name": address, "value": 1, "type": "int"} for address in self.shut_out]
                return [{"entry": 1, "size": len(kept), "slot": kept}] if kept and params == ["ban"] else []
            case "htable.flush":
                self.forgotten.append("*")
            case "htable.delete" if params[0] == "ha1":
                self.forgotten.append(params[1])
            case "htable.delete" if params[0] == "ban":
                self.admitted.append(params[1])
            case "ul.rm":
                self.unregistered.append(params[1])
        return {}

    def _dialog(self, call_id: str, handle: tuple[int, int]) -> dict[str, Any]:
        started = int(time.time()) - 20
        return {"call-id": call_id, "h_entry": handle[0], "h_id": handle[1], "state": 4, "start_ts": started}

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
