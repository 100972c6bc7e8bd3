"""A small client of the Kubernetes API: calls, and mirrors of a kind of object that a watch keeps up to date.

What it does not: client certificates. The control plane of the tests has a token.
"""
import http.client
import json
import ssl
import threading
import time
import urllib.parse

import yaml

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class ApiError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        self.server = urllib.parse.urlparse(config["clusters"][0]["cluster"]["server"])
        self.headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}", "Accept": "application/json"}
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.own = threading.local()    # one kept connection per thread

    def connect(self, timeout):
        return http.client.HTTPSConnection(self.server.hostname, self.server.port, context=self.context, timeout=timeout)

    def call(self, method, path, body=None, content="application/json"):
        text = json.dumps(body) if body is not None else None
        for last in (False, True):
            connection = getattr(self.own, "connection", None) or self.connect(30)
            try:
                connection.request(method, path, text, {**self.headers, "Content-Type": content})
                answer = connection.getresponse()
                data = answer.read()
                self.own.connection = connection
                break
            except (OSError, http.client.HTTPException):
                # A kept connection that the server has closed meanwhile.
                connection.close()
                self.own.connection = None
                if last:
                    raise
        if answer.status >= 300:
            try:
                message = json.loads(data).get("message", "")
            except ValueError:
                message = data.decode(errors="replace")
            raise ApiError(answer.status, message)
        return json.loads(data) if data else {}

    def get(self, path):
        return self.call("GET", path)

    def create(self, path, body):
        return self.call("POST", path, body)

    def patch(self, path, body, content=MERGE):
        return self.call("PATCH", path, body, content)

    def delete(self, path, body=None):
        """Deletes; gone already is as good."""
        try:
            return self.call("DELETE", path, body)
        except ApiError as error:
            if error.status != 404:
                raise
            return {}

    def mirror(self, path, changed):
        return Mirror(self, path, changed)


class Mirror(dict):
    """(namespace, name) → object of all objects below a path. changed() is called after every change."""

    def __init__(self, api, path, changed):
        super().__init__()
        self.api, self.path, self.changed = api, path, changed
        threading.Thread(target=self.follow, daemon=True, name=path).start()

    def follow(self):
        while True:
            try:
                found = self.api.get(self.path)
                listed = {key(each): each for each in found["items"]}
                for gone in set(self) - set(listed):
                    del self[gone]
                self.update(listed)
                self.changed()
                self.watch(found["metadata"]["resourceVersion"])
            except (OSError, ValueError, http.client.HTTPException, ApiError):
                time.sleep(0.2)

    def watch(self, version):
        connection = self.api.connect(None)
        connection.request("GET", f"{self.path}?watch=1&resourceVersion={version}", headers=self.api.headers)
        with connection.getresponse() as answer:
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] == "DELETED":
                    self.pop(key(event["object"]), None)
                else:
                    self[key(event["object"])] = event["object"]
                self.changed()

    def all(self):
        """The objects at this moment; the dict itself changes while one walks it."""
        return list(self.copy().values())


def key(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
