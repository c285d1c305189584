"""What must survive: text that only looks like a secret, kind by kind."""

from __future__ import annotations

import base64
import json

import pytest

from tests.redaction.helpers import REDACTOR, RNG, alnum, hexes, line

BASE64 = base64.b64encode(bytes(RNG.randrange(256) for _ in range(6000))).decode()
UUID = "-".join(hexes(n) for n in (8, 4, 4, 4, 12))
NEGATIVES = {
    "commit": f"commit {hexes(40)}\nAuthor: A <a@example.org>",
    "short commit": f"[main {hexes(7)}] Fix token parsing",
    "range": f"{hexes(7)}..{hexes(7)}  main -> main",
    "index": f"index {hexes(7)}..{hexes(7)} 100644",
    "tree": f"100644 blob {hexes(40)}\tpassword.go",
    "sha256": f"sha256:{hexes(64)}",
    "md5": f"{hexes(32)}  secret.txt",
    "sha512": f"{hexes(128)}  archive.tar.gz",
    "integrity": f'"integrity": "sha512-{BASE64[:86]}=="',
    "go.sum": f"github.com/spf13/cobra v1.8.0 h1:{BASE64[:43]}=",
    "yarn": f'resolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#{hexes(40)}"',
    "requirements": f"certifi==2024.1 --hash=sha256:{hexes(64)}",
    "uuid": f'"uuid": "{UUID}"',
    "session": f'"sessionId": "{UUID}", "parentUuid": "{UUID}"',
    "tool use id": f'"tool_use_id": "toolu_01{alnum(22)}"',
    "message id": f'"id": "msg_01{alnum(22)}", "requestId": "req_011C{alnum(20)}"',
    "signature": f'"signature": "{BASE64[:800]}"',
    "image": f'"data": "{BASE64}", "media_type": "image/png"',
    "data url": f"data:image/png;base64,{BASE64[:2000]}",
    "certificate": "-" * 5 + "BEGIN CERTIFICATE" + "-" * 5 + f"\n{BASE64[:64]}\n",
    "public key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{alnum(43)} a@b",
    "go declaration": "token := strings.TrimSpace(os.Getenv(name))",
    "go struct": 'type C struct {\n\tPassword string `json:"password"`\n\tToken string `json:"token,omitempty"`\n}',
    "go struct literal": "Config{Password: cfg.Password, Token: token, APIKey: apiKey}",
    "go error": 'return fmt.Errorf("invalid token: %w", err)',
    "go scanner": "for tok := s.Scan(); tok != scanner.EOF; tok = s.Scan() {",
    "python type": "def login(user: str, password: str, token: str | None = None) -> Session:",
    "python environment": 'password = os.environ["DB_PASSWORD"]',
    "python getenv": 'api_key = os.getenv("API_KEY", "")',
    "python keyword": "client = Client(api_key=settings.API_KEY, token=token)",
    "python call": "secret = secrets.token_urlsafe(32)",
    "python getpass": 'password = getpass.getpass("Password: ")',
    "python f-string": 'headers = {"Authorization": f"Bearer {access_token}"}',
    "js environment": "apiKey: process.env.OPENAI_API_KEY,",
    "js template": "const auth = `Bearer ${token}`;",
    "js destructuring": "const { password, token } = req.body;",
    "ts type": "interface Login { password: string; token?: string; apiKey: string | undefined }",
    "java": "private String password;\npublic void setPassword(String password) { this.password = password; }",
    "rust": "let token: Option<String> = env::var(TOKEN).ok();",
    "ruby": 'password = ENV["PASSWORD"] || ENV.fetch("PW")',
    "shell variable": 'export GITHUB_TOKEN="$GH_TOKEN"',
    "shell command": "TOKEN=$(gh auth token) make release",
    "shell default": "PASSWORD=${PASSWORD:-}",
    "shell test": 'if [ -z "$API_KEY" ]; then echo "API_KEY is not set"; fi',
    "powershell": "$env:API_KEY",
    "actions": "token: ${{ secrets.GITHUB_TOKEN }}",
    "actions permission": "permissions:\n  id-token: write\n  contents: read",
    "helm": "password: {{ .Values.db.password | quote }}",
    "jinja": "password: '{{ env_var(\"DB_PASSWORD\") }}'",
    "terraform": 'password = var.db_password\ntoken = data.vault_generic_secret.x.data["token"]',
    "kubernetes reference": "valueFrom:\n  secretKeyRef:\n    name: app-secrets\n    key: password",
    "compose": "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
    "placeholder angle": "OPENAI_API_KEY=<your-api-key>",
    "placeholder words": 'api_key = "your-api-key-here"',
    "placeholder stars": 'password: "****************"',
    "placeholder x": "token=xxxxxxxxxxxxxxxxxxxxxxxx",
    "placeholder dots": "sk-ant-api03-...",
    "placeholder changeme": 'password = "changeme"',
    "other tool": 'password = "REDACTED"',
    "usage": '"usage":{"input_tokens":12345678901234,"output_tokens":12,"cache_creation_input_tokens":1}',
    "token limit": "max_tokens: 128000, token_count=1234567890123456789",
    "page token": 'nextPageToken: ""',
    "tokenizer": 'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")',
    "prose": "The password must have at least 12 characters, and the token: it expires after 30 days.",
    "message": '"password": "Password is required and must have 8 characters"',
    "label": '{"label": "API key", "name": "apiKey", "type": "password"}',
    "css": ".password-input { key: value; }\n.task-0123456789abcdef0123456789abcdef {}",
    "path": "secret: /etc/ssl/private/server2.key",
    "key file": "private_key = ~/.ssh/id_ed25519",
    "working directory": "PWD=/home/someone/src/project1\nOLDPWD=/home/someone/src/project2",
    "url with port": "http://localhost:8080/path@v2 and https://example.org:443/a?b=c@d",
    "scp": "git@github.com:owner/repository.git",
    "url user": "ssh://git@github.com:22/owner/repository.git",
    "npm scope": "https://registry.npmjs.org/@types/node/-/node-20.1.0.tgz",
    "module version": "https://proxy.golang.org/github.com/a/b/@v/v1.2.3.info",
    "email": "a.person@example.org, b@example.org:",
    "primary key": "primary_key = 'session_id'",
    "sort key": "sorted(rows, key=lambda row: row.key2)",
    "cache key": 'key: "node-modules-v1-abc123def456"',
    "keyboard": '{"key": "ArrowUp", "code": "KeyA1"}',
    "jwt header only": "eyJ" + "hbGciOiJIUzI1NiJ9",
    "secret name": 'secretName: "app-tls-2024"\nimagePullSecrets: [{name: regcred2}]',
    "secret arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf",
    "op reference": 'api_key = "op://vault/item/field1"',
    "password hash": "password_hash = $2b$12$" + alnum(53),
    "pass status": "--- PASS: TestToken1 (0.00s)\nPASS",
    "docker user": "docker run -u 1000:1000 -e TOKEN image",
    "checkpoint": f"Entire-Checkpoint: {hexes(12)}",
    "key id": f"key_id={hexes(16)} AWS_PROFILE=dev1",
    "time": "token expired at 2026-01-05T12:34:56.789Z",
    "grep": "ingest/a.py:12:    token = self.token(rule_id, secret)",
}


@pytest.mark.parametrize("kind", NEGATIVES)
def test_hard_negatives(kind: str) -> None:
    text = NEGATIVES[kind]
    assert REDACTOR.redact_text(text) == text
    for record in ({"content": text}, {"stdout": json.dumps({"text": text})}, {"lines": text.split("\n")}):
        data = line(record)
        assert REDACTOR.redact_jsonl(data) == (data, [])


def test_records_that_only_name_secrets() -> None:
    records = [
        {"token": UUID, "key": hexes(40), "signature": BASE64[:400]},
        {"password": None, "token": 12345678901234567890, "secret": True, "apiKey": ""},
        {"input": {"pattern": "password|token|api_key", "path": "/a/b", "output_mode": "content"}},
        {"properties": {"password": {"type": "string"}, "token": {"type": "string", "format": "uuid"}}},
        {"type": "thinking", "thinking": "the token is in the environment", "signature": BASE64},
        {"password": "string", "token": "access_token", "secret": "my-secret-name"},
    ]
    for record in records:
        data = line(record)
        assert REDACTOR.redact_jsonl(data) == (data, [])
