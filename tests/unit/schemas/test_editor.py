"""Completion, hover and diagnostics in an editor, by a real YAML language server with the published schemas.

The server comes from npm, so the tests are marked slow: ``pytest -m slow tests/unit/schemas/test_editor.py``.
"""

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


class LanguageServer:
    """yaml-language-server, driven over its protocol."""

    def __init__(self, program):
        self._process = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._id = 0
        self._opened = 0
        self.diagnostics = {}
        self.call("initialize", {"processId": None, "rootUri": ROOT.as_uri(), "capabilities": {}})
        self._send({"method": "initialized", "params": {}})
        settings = {"yaml": {"completion": True, "hover": True, "validate": True, "schemaStore": {"enable": False}}}
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": settings}})

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def open(self, text, name, schema):
        """Open content as a file of the checkout, with a header that names the schema, as in the shipped files."""
        self._opened += 1
        uri = (ROOT / f"unsaved_{self._opened}_{name}").as_uri()
        text = f"# yaml-language-server: $schema=schemas/{schema}\n{text}"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri, text

    def completions(self, text, name, schema):
        """Return the completions at the end of a file, by label."""
        uri, text = self.open(text, name, schema)
        lines = text.split("\n")
        position = {"line": len(lines) - 1, "character": len(lines[-1])}
        found = self.call("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
        return {item["label"]: item for item in found["items"]}

    def hover(self, text, word, name, schema):
        """Return the hover text of a word."""
        uri, text = self.open(text, name, schema)
        before = text[: text.index(word)].split("\n")
        position = {"line": len(before) - 1, "character": len(before[-1]) + 1}
        found = self.call("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
        return found["contents"]["value"]

    def problems(self, text, name, schema):
        """Return the messages of the diagnostics."""
        uri, _ = self.open(text, name, schema)
        while uri not in self.diagnostics:
            self._receive()
        return [problem["message"] for problem in self.diagnostics[uri]]

    def call(self, method, params):
        self._id += 1
        self._send({"id": self._id, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._id and "method" not in message:
                return message["result"]

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._process.stdin.flush()

    def _receive(self):
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run(["npm", "install", "--prefix", folder, "yaml-language-server@1"], check=True, capture_output=True)
    server = LanguageServer(folder / "node_modules" / ".bin" / "yaml-language-server")
    yield server
    server.close()


def test_params_of_a_classifier_are_completed(editor):
    text = "estimator: RandomForestClassifier\nparams:\n  max_"
    found = editor.completions(text, "rf.yaml", "classifier_config.schema.json")
    assert {"max_depth", "max_features", "max_leaf_nodes", "max_samples"} <= found.keys()
    assert "learning_rate" not in found


def test_values_of_a_parameter_are_completed(editor):
    text = "estimator: RandomForestClassifier\nparams:\n  criterion: "
    found = editor.completions(text, "rf.yaml", "classifier_config.schema.json")
    assert {"gini", "entropy", "log_loss"} <= {label.strip('"') for label in found}


def test_a_misspelt_parameter_is_underlined(editor):
    text = "estimator: RandomForestClassifier\nparams:\n  max_depht: 4\n"
    assert any("max_depht" in message for message in editor.problems(text, "rf.yaml", "classifier_config.schema.json"))
    assert editor.problems(text.replace("depht", "depth"), "rf.yaml", "classifier_config.schema.json") == []


def test_grid_keys_of_steps_and_items_by_column_are_completed_and_checked(editor):
    schema = "classifier_config.schema.json"
    text = "estimator: RandomForestClassifier\npreprocess: [{columns: [a], steps: [PCA]}]\ngrid:\n  PCA__"
    assert {"PCA__n_components", "PCA__whiten"} <= editor.completions(text, "rf.yaml", schema).keys()
    right = text + "n_components: [2, 3]\n  svm__C: [1]\n  max_depth: [2]\n"
    assert editor.problems(right, "rf.yaml", schema) == []
    assert editor.problems(right.replace("[2, 3]", "[2, -3]"), "rf.yaml", schema) != []
    assert editor.problems(right.replace("max_depth", "max_depht"), "rf.yaml", schema) != []
    assert editor.problems(right.replace("steps", "step"), "rf.yaml", schema) != []


def test_parameters_of_the_extras_are_completed_and_checked(editor):
    schema = "classifier_config.schema.json"
    found = editor.completions("estimator: LGBMClassifier\nparams:\n  num_", "lgbm.yaml", schema)
    assert "num_leaves" in found
    assert "num_leaf" not in found  # another name of it
    text = "estimator: LGBMClassifier\nparams:\n  num_leaf: 5\n"
    assert editor.problems(text, "lgbm.yaml", schema) == []
    assert editor.problems(text.replace("num_leaf", "num_leafs"), "lgbm.yaml", schema) != []
    assert editor.problems(text.replace("num_leaf", "machines"), "lgbm.yaml", schema) != []


def test_hovering_over_a_parameter_shows_scikit_learns_description(editor):
    text = "estimator: RandomForestClassifier\nparams:\n  max_depth: 4\n"
    assert "maximum depth of the tree" in editor.hover(text, "max_depth", "rf.yaml", "classifier_config.schema.json")


STEP = """demo:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      """


def test_arguments_of_a_step_and_of_a_dag_are_completed(editor):
    found = editor.completions(STEP + "m", "a.yaml", "dag_spec.schema.json")
    assert {"metric", "min_improvement"} <= found.keys()
    assert {"schedule", "start_date"} <= editor.completions("demo:\n  s", "b.yaml", "dag_spec.schema.json").keys()


def test_shipped_specs_are_not_underlined_and_mistakes_are(editor):
    for path in sorted((ROOT / "dag_specs").glob("*.yaml")):
        text = path.read_text().split("\n", 1)[1]
        assert editor.problems(text, path.name, "dag_spec.schema.json") == []
    wrong = editor.problems(STEP + "metric: acuracy\n", "a.yaml", "dag_spec.schema.json")
    assert any("accuracy" in message for message in wrong)
    assert editor.problems("demo:\n  scheduel: x\n", "a.yaml", "dag_spec.schema.json") != []
