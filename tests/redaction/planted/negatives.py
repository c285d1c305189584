"""What only looks like a secret: every line of these must come back byte for byte."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from tests.redaction.planted.draw import Draw

Negative = Callable[[Draw], str]

DASHES = "-" * 5

IDS: dict[str, Negative] = {
    "commit": lambda d: f"commit {d.hex(40)}\nAuthor: A <a@example.org>\nDate: Mon Jan 5 2026",
    "log line": lambda d: f"{d.hex(7)} Rotate the API key and the token\n{d.hex(8)} Fix password reset",
    "commit made": lambda d: f"[main {d.hex(7)}] Add secret scanning\n 2 files changed",
    "range": lambda d: f"   {d.hex(7)}..{d.hex(7)}  main -> main",
    "diff index": lambda d: f"diff --git a/token.go b/token.go\nindex {d.hex(7)}..{d.hex(7)} 100644",
    "tree": lambda d: f"100644 blob {d.hex(40)}\tpassword.txt",
    "rev of action": lambda d: f"uses: actions/checkout@{d.hex(40)} # v4",
    "trailer": lambda d: f"Change-Id: I{d.hex(40)}\nFixes: {d.hex(12)}",
    "uuid": lambda d: d.uuid(),
    "uuid fields": lambda d: f'"sessionId": "{d.uuid()}", "requestId": "{d.uuid()}"',
    "key by id": lambda d: f"key_id: {d.uuid()}\ntoken_id = {d.hex(24)}",
    "message ids": lambda d: f"msg_01{d.alnum(22)} req_011C{d.alnum(20)} toolu_01{d.alnum(22)}",
    "ulid": lambda d: "01J" + d.of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23),
    "object id": lambda d: f'ObjectId("{d.hex(24)}")',
    "trace": lambda d: f"traceparent: 00-{d.hex(32)}-{d.hex(16)}-01\nx-request-id: {d.uuid()}",
    "etag": lambda d: f'ETag: "{d.hex(32)}"\nIf-None-Match: W/"{d.hex(16)}"',
    "content md5": lambda d: f"Content-MD5: {d.base64(22)}==",
    "sha256": lambda d: f"{d.hex(64)}  secrets.tar.gz",
    "sha512": lambda d: f"SHA512 (token.iso) = {d.hex(128)}",
    "docker digest": lambda d: f"FROM python:3.12@sha256:{d.hex(64)}",
    "docker id": lambda d: f"{d.hex(12)}   postgres:16   Up 3 hours   0.0.0.0:5432->5432/tcp",
    "integrity": lambda d: f'"integrity": "sha512-{d.base64(86)}=="',
    "script integrity": lambda d: f'<script src="a.js" integrity="sha384-{d.base64(64)}" crossorigin></script>',
    "yarn": lambda d: f'"resolved": "https://registry.npmjs.org/jsonwebtoken/-/jsonwebtoken-9.0.2.tgz#{d.hex(40)}"',
    "yarn berry": lambda d: f"  checksum: 10c0/{d.hex(128)}",
    "go sum": lambda d: f"github.com/golang-jwt/jwt/v5 v5.2.0 h1:{d.base64(43)}=\ngolang.org/x/oauth2 v0.15.0/go.mod h1:{d.base64(43)}=",
    "cargo lock": lambda d: f'name = "secrecy"\nversion = "0.8.0"\nchecksum = "{d.hex(64)}"',
    "poetry lock": lambda d: f'    {{file = "token-1.0-py3.whl", hash = "sha256:{d.hex(64)}"}},',
    "pip hashes": lambda d: f"pyjwt==2.8.0 \\\n    --hash=sha256:{d.hex(64)}",
    "composer lock": lambda d: f'"content-hash": "{d.hex(32)}",\n"reference": "{d.hex(40)}"',
    "nix hash": lambda d: f'sha256 = "sha256-{d.base64(43)}=";\nvendorHash = "sha256-{d.base64(43)}=";',
    "bundle": lambda d: f"main.{d.hex(8)}.js  chunk-{d.upper(8)}.js  vendor.{d.hex(20)}.css",
    "thinking signature": lambda d: f'"signature": "{d.base64(600)}=="',
    "image": lambda d: '{"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo' + d.base64(800) + '"}',
    "data url": lambda d: f"url(data:font/woff2;base64,d09GMgAB{d.base64(600)})",
    "certificate": lambda d: f"{DASHES}BEGIN CERTIFICATE{DASHES}\nMIID{d.base64(60)}\n{d.base64(64)}\n{DASHES}END CERTIFICATE{DASHES}",
    "public key": lambda d: f"{DASHES}BEGIN PUBLIC KEY{DASHES}\nMIIB{d.base64(60)}\n{DASHES}END PUBLIC KEY{DASHES}",
    "certificate request": lambda d: f"{DASHES}BEGIN CERTIFICATE REQUEST{DASHES}\nMIIC{d.base64(60)}\n{DASHES}END CERTIFICATE REQUEST{DASHES}",
    "pgp message": lambda d: f"{DASHES}BEGIN PGP SIGNATURE{DASHES}\n\niQIz{d.base64(60)}\n{DASHES}END PGP SIGNATURE{DASHES}",
    "pgp public": lambda d: f"{DASHES}BEGIN PGP PUBLIC KEY BLOCK{DASHES}\n\nmQIN{d.base64(60)}\n{DASHES}END PGP PUBLIC KEY BLOCK{DASHES}",
    "ssh public key": lambda d: f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{d.base64(340)} dev@host",
    "ssh fingerprint": lambda d: f"256 SHA256:{d.base64(43)} dev@host (ED25519)",
    "known hosts": lambda d: f"github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{d.base64(43)}",
    "kube ca": lambda d: f"certificate-authority-data: LS0tLS1CRUdJTi{d.base64(300)}",
    "ca cert hash": lambda d: f"--discovery-token-ca-cert-hash sha256:{d.hex(64)}",
    "stripe ids": lambda d: f"cus_{d.alnum(14)} pi_{d.alnum(24)} price_{d.alnum(24)} pk_live_{d.alnum(24)}",
    "aws ids": lambda d: f"AIDA{d.base32(16)} AROA{d.base32(17)} arn:aws:iam::{d.digits(12)}:role/token-reader",
    "aws resources": lambda d: f"i-0{d.hex(16)} vpc-0{d.hex(16)} subnet-{d.hex(8)} sg-0{d.hex(16)}",
    "account sid": lambda d: f"AC{d.hex(32)}",
    "google client": lambda d: f"{d.digits(12)}-{d.lower(32)}.apps.googleusercontent.com",
    "tenant": lambda d: f"AZURE_TENANT_ID={d.uuid()}\nAZURE_CLIENT_ID={d.uuid()}",
    "url with ids": lambda d: f"https://app.acme.io/orgs/{d.uuid()}/runs/{d.digits(10)}?tab=tokens#L{d.number(1, 999)}",
    "gist": lambda d: f"https://gist.github.com/dev/{d.hex(32)}",
    "notion page": lambda d: f"https://www.notion.so/acme/Token-rotation-{d.hex(32)}",
    "gravatar": lambda d: f"https://www.gravatar.com/avatar/{d.hex(32)}?s=80",
    "s3 url": lambda d: f"https://acme.s3.amazonaws.com/builds/{d.hex(40)}/artifact.zip?versionId={d.alnum(32)}",
    "figma file": lambda d: f"https://www.figma.com/file/{d.alnum(22)}/Login?node-id=1-2",
    "youtube": lambda d: f"https://www.youtube.com/watch?v={d.urlsafe(11)}",
    "cache key": lambda d: f"key: v2-node-{d.hex(64)}\nrestore-keys: v2-node-",
    "tsbuildinfo": lambda d: f'{{"version":"{d.hex(64)}","signature":"{d.hex(64)}","affectsGlobalScope":true}}',
    "phone and card": lambda d: f"order {d.digits(16)} shipped, call 0{d.digits(9)}",
    "timestamp": lambda d: f"token issued at {d.digits(13)}, expires 2026-0{d.number(1, 9)}-1{d.number(0, 9)}T10:00:00Z",
    "ethereum": lambda d: f"0x{d.hex(40)} sent to 0x{d.hex(40)} in tx 0x{d.hex(64)}",
    "ipfs": lambda d: "Qm" + d.alnum(44),
    "magnet": lambda d: f"magnet:?xt=urn:btih:{d.hex(40)}",
    "snapshot": lambda d: f"exports[`renders 1`] = `<div class=\"sc-{d.alnum(6)} css-{d.lower(7)}\" />`;",
    "lines of hex": lambda d: "\n".join(f"{n:08x}: {d.hex(4)} {d.hex(4)} {d.hex(4)}  .4.a" for n in range(3)),
}  # fmt: skip

PLACEHOLDERS = (
    "$TOKEN", "${TOKEN}", "$(cat token.txt)", "<your-key>", "<TOKEN>", "${{ secrets.API_KEY }}", "{{ api_key }}", "****************",
    "xxxxxxxxxxxxxxxx", "XXXXXXXXXXXXXXXXXXXX", "your-api-key-here", "YOUR_API_KEY", "your_password", "changeme", "change-me-please",
    "REPLACE_ME", "[REDACTED]", "REDACTED", "<redacted>", "...", "example-key-1234", "{token}", "%TOKEN%", "%s", "#{token}", "insert-token-here",
    "sk-...", "ghp_" + "x" * 36, "ghp_" + "*" * 36, "sk-ant-api03-...", "AKIAIOSFODNN7EXAMPLE",
    "placeholder", "TODO", "dummy-token", "test-token", "fake_api_key_for_tests", "not-a-real-key", "op://vault/item/field", "env:API_KEY", "null", "!secret api_key",
    "$API_KEY_PROD", "$env:API_KEY", "<insert your key>", "my-secret-key", "supersecret", "password123", "__REPLACE__", "vault:secret/data/app#key", "@Microsoft.KeyVault(SecretUri=https://a)",
    "ENC[AES256_GCM,data:abc]", "•••••••••••", "<API_KEY>", "xoxb-your-token", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf", "ssm:/app/db/password", "${aws_db.password}", "(hidden)", "<sensitive>", "********abcd", "sk-****abcd",
)  # fmt: skip
PLACEHOLDER_FORMS = (
    "API_KEY={v}", 'api_key = "{v}"', "apiKey: '{v}',", '{{"api_key": "{v}"}}', "token: {v}", "Authorization: Bearer {v}", "--token {v}", "password={v}", "export SECRET_KEY={v}",
    "<password>{v}</password>", 'client_secret: "{v}"', "curl -H 'X-Api-Key: {v}'",
)  # fmt: skip

CODE: tuple[str, ...] = (
    'token = os.environ["GITHUB_TOKEN"]', 'api_key = os.environ.get("API_KEY")', "password = getpass.getpass()", "token = get_token(user)", "password: str", "token: str | None = None",
    "def login(self, username: str, password: str) -> bool:", "const token = await getToken();", "const { token, password } = req.body;", "password: string;", "apiKey?: string;",
    "if (password !== confirmPassword) {", "token := r.Header.Get(\"Authorization\")", "Password string `json:\"password\"`", "secret, err := client.GetSecret(ctx, name)", "apiKey := os.Getenv(\"API_KEY\")",
    "private String password;", "public void setPassword(String password) { this.password = password; }", "var token = context.Request.Headers[\"Authorization\"];", "password = params[:password]", "has_secure_password", "$password = $_POST['password'];",
    "let token: Option<String> = env::var(\"TOKEN\").ok();", "token: ${{ secrets.GITHUB_TOKEN }}", "password: {{ .Values.db.password }}", "password = var.db_password", "secretKeyRef:\n  name: app-secrets\n  key: db-password", "token = data.vault_generic_secret.app.data[\"token\"]",
    "password=\"${DB_PASSWORD:-}\"", "TOKEN=$(gh auth token)", "API_KEY=`cat key.txt`", "if [ -z \"$API_KEY\" ]; then", "read -s -p 'Password: ' password", "tokens = tokenizer.encode(text)", "max_tokens: 4096", "num_tokens = len(tokens)", "\"output_tokens\": 12345678901",
    "for token in tokens:", "token_type = \"bearer\"", "expect(wrapper.find('[data-test=\"password\"]').exists()).toBe(true)", "it('rejects an invalid api key', async () => {", "func TestTokenRefreshWithExpiredSecret(t *testing.T) {", "def test_password_reset_sends_token(client):",
    "password_hash = bcrypt.hashpw(password, salt)", "password = forms.CharField(widget=forms.PasswordInput)", "class PasswordResetTokenGenerator:", "CREATE TABLE users (id int, password varchar(255), api_key text);", "SELECT password, token FROM users WHERE id = $1", "ALTER TABLE users DROP COLUMN password_digest;",
    "self.token = token", "this.apiKey = options.apiKey;", "token=token, password=password", "headers: { Authorization: `Bearer ${token}` }", "headers[\"Authorization\"] = f\"Bearer {self.token}\"", "req.Header.Set(\"Authorization\", \"Bearer \"+token)", "-H \"Authorization: Bearer $TOKEN\"",
    "secrets: inherit", "id-token: write", "credentials: 'include'", "credential_process = /usr/bin/helper", "csrfToken: getCsrfToken(),", "const csrfToken = document.querySelector('meta[name=csrf-token]').content;", "nextPageToken: response.nextPageToken", "pageToken=\"\"", "password_field = page.locator('#password')",
    "await page.fill('input[name=\"password\"]', user.password);", "primary_key=True", "key=lambda x: x[1]", "foreign_key: user_id", "sort_key = 'created_at'", "keyboard_key: 'Enter'", "from app.auth import token_required, api_key_header", "import { PasswordInput } from './PasswordInput';", "src/components/ApiKeySettings/ApiKeyForm.tsx:42:  const [apiKey, setApiKey] = useState('');",
    "/home/dev/src/secrets/token_store.py", "ls -la ~/.aws/credentials ~/.ssh/id_rsa", "The password must contain at least 8 characters.", "Enter your password:", "Invalid token: expected ')' at line 3", "SyntaxError: Unexpected token < in JSON at position 0", "error: missing API key; set OPENAI_API_KEY", "token expired, please log in again",
    "git secret: command not found", "WARN: secret 'db-password' not found in namespace default", "kubectl get secret app-tls -o yaml", "docker run --env-file .env -e DB_PASSWORD app", "export GITHUB_TOKEN", "unset AWS_SECRET_ACCESS_KEY", "--password-stdin", "ssh -i ~/.ssh/deploy_key user@host", "PasswordAuthentication no", "AuthorizedKeysFile .ssh/authorized_keys",
    "auth_token_ttl = 3600", "token_lifetime: 24h", "secret_rotation_days = 30", "api_key_version: v2", "passwordMinLength: 12", "password_policy = { length = 16 }", "PASSWORD_HASHERS = ['django.contrib.auth.hashers.Argon2PasswordHasher']", "AUTH_PASSWORD_VALIDATORS = []", "SECRET_KEY = env('SECRET_KEY')", "secret_name = 'prod/db/main'",
    "type Secret struct {", "interface TokenPayload { sub: string; exp: number }", "enum TokenKind { Ident, Number, LParen }", "token.kind == TokenKind::Identifier", "Token(type='NUMBER', value='1', line=1)", "tok = self.lexer.next_token()", "case token.IDENT:", "this.tokens[this.pos].value", "yield Token(Name.Function, value)", "password -> hashed_password",
    "{\"type\": \"password\", \"name\": \"password\", \"required\": true}", "{\"password\": null, \"token\": \"\"}", "<input type=\"password\" name=\"password\" autocomplete=\"current-password\">", "<label for=\"apiKey\">API key</label>", "label: 'Access token'", "\"password\": \"Password is required\"", "errors.password = 'Passwords do not match';", "t('login.password.placeholder')",
    "!function(e,t){\"use strict\";var n=t.token||e.getToken();e.password=t.password,n&&r(n)}(window,document);", ".password-strength{color:#a94442;background:#f2dede}", "--color-token-keyword: #d73a49;", "a{color:#0366d6}.tok-k{color:#8959a8}", "http://localhost:8080/login?next=/tokens", "git@github.com:acme/token-service.git", "https://user@bitbucket.org/acme/app.git", "postgres://localhost:5432/app", "postgres://app@db/app",
    "postgres://user:password@localhost/db", "redis://localhost:6379/0", "mongodb://localhost:27017", "mysql -u root -p", "curl -u \"$USER:$PASS\" https://x", "psql -h db -U app -W", "machine github.com login USER password TOKEN", "docker login -u user --password-stdin", "x-api-key: $API_KEY", "Cookie: session=<session>", "Set-Cookie: the server sends it", "cookies = request.cookies.get('session')",
    "eyJhbGciOiJIUzI1NiJ9", "sk-ant-", "the prefix ghp_ marks personal tokens, github_pat_ fine-grained ones", "pattern: 'AKIA[0-9A-Z]{16}'", "re.compile(r'ghp_[A-Za-z0-9]{36}')", "xoxb- tokens are for bots", "glpat- is GitLab's prefix", "regex = \"sk_live_[0-9a-zA-Z]{24}\"", "grep -rn 'BEGIN RSA PRIVATE KEY' .", "password = None", "token = \"\"", "secret = ''", "const token = undefined;", "password: false", "api_key: 0",
    "Dependabot secrets and Actions secrets are separate stores.", "Use a password manager; never commit tokens.", "The API key is read from the environment.", "Tokens: 12,345 in, 678 out", "Password: (will be hidden)", "token count: 123456", "1. Create an access token\n2. Export it as NPM_TOKEN", "- [ ] rotate the signing key\n- [x] remove the password from the docs",
    "func (s *Server) validateAPIKey(key string) error {", "@app.route('/password/reset/<token>')", "path('reset/<uidb64>/<token>/', views.confirm)", "Route::get('/reset-password/{token}', fn () => 1);", "router.post('/oauth/token', issueToken)", "POST /api/v1/auth/token HTTP/1.1", "\"scripts\": {\"token\": \"node scripts/token.js\"}", "token_uri = https://oauth2.googleapis.com/token", "auth_uri: https://accounts.google.com/o/oauth2/auth",
    "password-protected archives", "secret santa list", "a token of appreciation", "passport: AB1234567 is a document number", "compass=north", "bypass: true", "tokenize(sentence)", "secretary = 'Ann'", "keyword = 'function1'", "monkey: banana42", "passwordless: enabled2", "hotkey = 'Ctrl+Shift+P'", "public_key = load_pem(path2)", "ssh_key_path = '~/.ssh/id_ed25519_work'", "key_file: /etc/ssl/private/server1.key", "token_file = /var/run/secrets/token2",
    "sed -i 's/password=.*/password=NEW/' app.conf", "grep -E 'token|secret|api_key' -r src/", "rg \"password\\s*=\" --type py", "find . -name '*.pem' -o -name 'id_rsa*'", "git log -S'API_KEY' --oneline", "history | grep TOKEN", "jq -r '.access_token' response.json", "TOKEN=$(curl -s $URL | jq -r .token)", "awk -F= '/password/ {print $2}' f", "aws sts get-session-token --profile dev1", "az account get-access-token --query accessToken", "gcloud auth print-access-token",
)  # fmt: skip


def _basic_reference(d: Draw) -> str:
    return "Proxy uses Basic auth; base64 of the logo: " + base64.b64encode(d.alnum(60).encode()).decode()


def _code(number: int) -> Negative:
    return lambda d: CODE[number]


def _placeholder(number: int) -> Negative:
    value = PLACEHOLDERS[number % len(PLACEHOLDERS)]
    return lambda d: d.choice(PLACEHOLDER_FORMS).format(v=value)


NEGATIVES: dict[str, tuple[Negative, ...]] = {
    **{f"id: {name}": (make,) for name, make in IDS.items()},
    "encoded data": (_basic_reference, lambda d: json.dumps({"blob": d.base64(200), "size": d.number(1, 999)})),
    "placeholder": tuple(map(_placeholder, range(len(PLACEHOLDERS) * 4))),
    "code": tuple(map(_code, range(len(CODE)))),
}
