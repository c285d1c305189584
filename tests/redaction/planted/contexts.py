"""Secrets that what stands around them gives away: cloud settings, URLs, headers, cookies, commands, client files."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from tests.redaction.planted.draw import Draw, Planted

Context = Callable[[Draw], Planted]


def p(text: str, *secrets: str) -> Planted:
    return Planted(text, secrets)


def _aws_pair(template: str) -> Context:
    def make(d: Draw) -> Planted:
        key_id, secret, session = "AKIA" + d.base32(16), d.base64(40), d.base64(220)
        used = [v for n, v in (("{i}", key_id), ("{s}", secret), ("{t}", session)) if n in template]
        return p(template.replace("{i}", key_id).replace("{s}", secret).replace("{t}", session), *used)

    return make


AWS = tuple(map(_aws_pair, (
    "[default]\naws_access_key_id = {i}\naws_secret_access_key = {s}\nregion = eu-west-1",
    "export AWS_ACCESS_KEY_ID={i}\nexport AWS_SECRET_ACCESS_KEY={s}\nexport AWS_SESSION_TOKEN={t}",
    '{"AccessKey": {"UserName": "ci", "AccessKeyId": "{i}", "Status": "Active", "SecretAccessKey": "{s}"}}',
    '{"Credentials": {"AccessKeyId": "{i}", "SecretAccessKey": "{s}", "SessionToken": "{t}", "Expiration": "2026"}}',
    "boto3.client('s3', aws_access_key_id='{i}', aws_secret_access_key='{s}')",
    'provider "aws" {\n  access_key = "{i}"\n  secret_key = "{s}"\n}',
    "aws configure set aws_secret_access_key {s}",
    'new BasicAWSCredentials("{i}", "{s}")',
    "User name,Access key ID,Secret access key\nci,{i},{s}",
    "AWS Access Key ID [None]: {i}\nAWS Secret Access Key [None]: {s}",
    "new AWS.S3({ accessKeyId: '{i}', secretAccessKey: '{s}' })",
    'credentials.NewStaticCredentials("{i}", "{s}", "")',
    "<AccessKeyId>{i}</AccessKeyId><SecretAccessKey>{s}</SecretAccessKey><SessionToken>{t}</SessionToken>",
    "s3cmd --access_key={i} --secret_key={s} ls",
)))  # fmt: skip


def _service_account(d: Draw) -> Planted:
    pem, secrets = pem_block(d, "PRIVATE KEY")
    account = {
        "type": "service_account", "project_id": d.word(), "private_key_id": d.hex(40), "private_key": pem + "\n",
        "client_email": f"ci@{d.word()}.iam.gserviceaccount.com", "client_id": d.digits(21),
        "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    return Planted(json.dumps(account, indent=d.choice([None, 2])), secrets)


def pem_block(d: Draw, label: str, lines: int = 0, end: str = "\n") -> tuple[str, tuple[str, ...]]:
    """A PEM block (RFC 7468) and the lines of its body."""
    head = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" if label == "PRIVATE KEY" else ""
    if label == "OPENSSH PRIVATE KEY":
        head = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt"
    width = 70 if label == "OPENSSH PRIVATE KEY" else 64
    body = [(head + d.base64(width))[:width], *(d.base64(width) for _ in range(lines or d.number(3, 24)))]
    body.append(d.base64(d.number(20, 60)) + "==")
    dashes = "-" * 5
    secrets = tuple(line for line in (part.removeprefix(head) if head else part for part in body) if len(line) >= 8)
    return end.join([f"{dashes}BEGIN {label}{dashes}", *body, f"{dashes}END {label}{dashes}"]), secrets


LABELS = (
    "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK",
)  # fmt: skip
PEM_FORMS: tuple[Callable[[str], str], ...] = (
    lambda t: t,
    lambda t: f"cat key.pem\n{t}\n$ ",
    lambda t: t.replace("\n", "\\n"),
    lambda t: t.replace("\n", "\\\\n"),
    lambda t: t.replace("\n", " "),
    lambda t: 'KEY="' + t.replace("\n", "\\n") + '\\n"',
    lambda t: t.replace("\n", "\r\n"),
    lambda t: t.replace("\n", "\\r\\n"),
    lambda t: "tls.key: |\n" + "".join(f"    {line}\n" for line in t.split("\n")),
    lambda t: json.dumps({"private_key": t}),
    lambda t: json.dumps({"a": json.dumps({"b": json.dumps({"key": t})})}),
    lambda t: "\n".join(f"{n:6}→{line}" for n, line in enumerate(t.split("\n"), 1)),
    lambda t: "\n".join(f"+{line}" for line in t.split("\n")),
    lambda t: "\n".join(f'"{line}\\n" +' for line in t.split("\n")),
    lambda t: "key = '''" + t + "'''",
    lambda t: t.replace("\n", ""),
    lambda t: "cat > k <<'EOF'\n" + t + "\nEOF\nchmod 600 k",
    lambda t: f"const key = `{t}`;",
    lambda t: "\n".join(line for line in t.split("\n")[:-1]) + "\n... (truncated)",
)  # fmt: skip


def pem(d: Draw, number: int) -> Planted:
    text, secrets = pem_block(d, LABELS[number % len(LABELS)])
    return Planted(PEM_FORMS[d.number(0, len(PEM_FORMS) - 1)](text), secrets)


def _basic(d: Draw) -> str:
    return base64.b64encode(f"{d.user()}:{d.password()}".encode()).decode()


def _with(template: str, draw: Callable[[Draw], str]) -> Context:
    """`{v}` is the secret; `{h}`, `{u}`, `{w}` a host, a user and a word."""

    def make(d: Draw) -> Planted:
        value = draw(d)
        text = template.replace("{h}", d.host()).replace("{u}", d.user()).replace("{w}", d.word())
        return p(text.replace("{v}", value), value)

    return make


def _all(draw: Callable[[Draw], str], *templates: str) -> tuple[Context, ...]:
    return tuple(_with(template, draw) for template in templates)


def password(d: Draw) -> str:
    return d.password("!%^*+~._-")


def plain(d: Draw) -> str:
    return d.plain_password()


def key32(d: Draw) -> str:
    return d.alnum(d.choice([32, 40, 48]))


def hex_key(d: Draw) -> str:
    return d.hex(d.choice([32, 40, 64]))


def b64(length: int, padding: str = "") -> Callable[[Draw], str]:
    return lambda d: d.base64(length) + padding


def _cookie(d: Draw) -> Planted:
    value, other = d.choice([d.urlsafe(43), d.hex(32), "s%3A" + d.urlsafe(32) + "." + d.alnum(43)]), d.urlsafe(24)
    name = d.choice(
        ["session", "sid", "connect.sid", "PHPSESSID", "JSESSIONID", "auth", "_gitlab_session", "sessionid"]
    )
    forms = (
        f"Cookie: {name}={value}", f"Cookie: theme=dark; {name}={value}; lang=en", f"Set-Cookie: {name}={value}; Path=/; HttpOnly; Secure",
        f"curl -b '{name}={value}' https://acme.io", f"curl -H 'Cookie: {name}={value}' https://acme.io", f"curl --cookie \"{name}={value}\" https://acme.io",
        json.dumps({"headers": {"Cookie": f"{name}={value}"}}), json.dumps({"headers": {"set-cookie": [f"{name}={value}; Path=/"]}}),
        f"< set-cookie: {name}={value}; Max-Age=3600; SameSite=Lax", f"document.cookie = '{name}={value}'", f"requests.get(u, cookies={{'{name}': '{value}'}})",
    )  # fmt: skip
    if d.chance(0.2):
        return p(f"Cookie: {name}={value}; refresh={other}", value, other)
    return p(d.choice(forms), value)


def _docker_config(d: Draw) -> Planted:
    value = base64.b64encode(f"{d.user()}:{d.password()}".encode()).decode()
    config = {"auths": {d.choice(["https://index.docker.io/v1/", "ghcr.io", "registry.acme.io:5000"]): {"auth": value}}}
    return p(json.dumps(config, indent=d.choice([None, 4])), value)


def _kubernetes_secret(d: Draw) -> Planted:
    value = d.password()
    encoded = base64.b64encode(value.encode()).decode()
    name = d.choice(["password", "db-password", "api-key", "token", "DATABASE_PASSWORD", "client-secret"])
    head = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {d.word()}\ntype: Opaque\n"
    if d.chance(0.4):
        return p(f"{head}stringData:\n  {name}: {value}\n", value)
    if d.chance(0.3):
        text = {"apiVersion": "v1", "kind": "Secret", "data": {name: encoded}, "metadata": {"name": d.word()}}
        return p(json.dumps(text), encoded)
    return p(f"{head}data:\n  username: {base64.b64encode(d.user().encode()).decode()}\n  {name}: {encoded}\n", encoded)


CONTEXTS: dict[str, tuple[Context, ...]] = {
    "aws credentials": AWS,
    "gcp service account": (_service_account,),
    "gcp hmac and fcm": (
        lambda d: (lambda v: p(f"[Credentials]\ngs_access_key_id = GOOG1E{d.upper(55)}\ngs_secret_access_key = {v}", v))(d.base64(40)),
        _with("Authorization: key={v}", lambda d: f"AAAA{d.urlsafe(7)}:APA91b{d.urlsafe(134)}"),
        _with('{"installed":{"client_id":"1-x.apps.googleusercontent.com","client_secret":"{v}","redirect_uris":[]}}', lambda d: d.urlsafe(24)),
    ),
    "azure storage": _all(b64(86, "=="), "DefaultEndpointsProtocol=https;AccountName={w};AccountKey={v};EndpointSuffix=core.windows.net",
        "az storage blob list --account-name {w} --account-key {v}", "AZURE_STORAGE_KEY={v}", '{"keyName": "key1", "permissions": "FULL", "value": "{v}"}',
        "AccountEndpoint=https://{w}.documents.azure.com:443/;AccountKey={v};", "AZURE_STORAGE_CONNECTION_STRING='AccountName={w};AccountKey={v}'"),
    "azure service bus": _all(b64(43, "="), "Endpoint=sb://{w}.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={v}",
        "HostName={w}.azure-devices.net;DeviceId=d1;SharedAccessKey={v}", "Endpoint=sb://{w}.servicebus.windows.net/;SharedAccessKeyName=R;SharedAccessKey={v};EntityPath=q",
        "Endpoint=https://{w}.azconfig.io;Id=a-l9-s0:abc;Secret={v}"),
    "azure sas": _all(lambda d: d.base64(43).replace("+", "%2B").replace("/", "%2F") + "%3D",
        "https://{w}.blob.core.windows.net/c/f.txt?sv=2023-11-03&st=2026-01-01&se=2026-02-01&sr=b&sp=r&sig={v}",
        "?sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2026-01-01T00:00:00Z&spr=https&sig={v}",
        "BlobEndpoint=https://{w}.blob.core.windows.net/;SharedAccessSignature=sv=2023-11-03&sig={v}",
        "https://prod-01.westus.logic.azure.com:443/workflows/ab/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers&sv=1.0&sig={v}",
        "SharedAccessSignature sr=https%3A%2F%2F{w}.servicebus.windows.net%2F&sig={v}&se=1700000000&skn=Root"),
    "azure keys": (
        *_all(lambda d: d.hex(32), "Ocp-Apim-Subscription-Key: {v}", "AZURE_OPENAI_API_KEY={v}", "AZURE_SEARCH_KEY={v}", 'new AzureKeyCredential("{v}")'),
        *_all(lambda d: d.alnum(52) + "JQQJ99" + d.upper(4) + "AC" + d.alnum(20), "AZURE_OPENAI_KEY={v}", "api-key: {v}", "key={v}"),
        *_all(lambda d: d.urlsafe(44) + "AzFu" + d.alnum(6) + "==", "https://{w}.azurewebsites.net/api/f?code={v}", "x-functions-key: {v}"),
        *_all(lambda d: d.lower(52), "AZURE_DEVOPS_EXT_PAT={v}", "az devops login --token {v}"),
    ),
    "source hosting by name": (
        *_all(lambda d: d.hex(40), "GITHUB_TOKEN={v}", "machine github.com login x-oauth password {v}", "gitea_token: {v}", "SONAR_TOKEN={v}"),
        *_all(lambda d: "gh" + d.choice("ps") + "_" + d.alnum(36), "git clone https://x-access-token:{v}@github.com/a/b.git",
            "git remote set-url origin https://{v}@github.com/a/b.git", "https://oauth2:{v}@github.com/a/b", "gh auth login --with-token <<< {v}"),
        *_all(lambda d: "glpat-" + d.urlsafe(20), "git clone https://oauth2:{v}@gitlab.com/a/b.git", "curl --header 'PRIVATE-TOKEN: {v}' https://gitlab.com/api/v4"),
        *_all(lambda d: d.alnum(40), "git push https://{u}:{v}@bitbucket.org/a/b.git", "git config http.extraHeader 'Authorization: Bearer {v}'"),
    ),
    "ai by name": (
        *_all(lambda d: d.alnum(32), "MISTRAL_API_KEY={v}", 'mistral = Mistral(api_key="{v}")'),
        *_all(lambda d: d.alnum(40), "COHERE_API_KEY={v}", 'co = cohere.Client("{v}")', "DEEPGRAM_API_KEY={v}"),
        *_all(lambda d: d.hex(40), "WANDB_API_KEY={v}", "wandb login {v}"),
        *_all(lambda d: d.hex(64), "TOGETHER_API_KEY={v}"),
        *_all(lambda d: d.uuid(), "EXA_API_KEY={v}", "HEROKU_API_KEY={v}", "SNYK_TOKEN={v}", "pinecone.init(api_key='{v}')"),
    ),
    "url password": _all(lambda d: d.password("!*+~._-$&%"), "postgres://{u}:{v}@{h}:5432/app", "postgresql+psycopg2://{u}:{v}@{h}/app?sslmode=require",
        "mysql://{u}:{v}@{h}:3306/app", "mongodb+srv://{u}:{v}@cluster0.abcde.mongodb.net/app?retryWrites=true", "redis://:{v}@{h}:6379/0",
        "rediss://default:{v}@{h}:6380", "amqp://{u}:{v}@{h}:5672/%2F", "https://{u}:{v}@{h}/path", "ftp://{u}:{v}@{h}/x", "smtp://{u}:{v}@{h}:587",
        "DATABASE_URL=postgres://{u}:{v}@{h}/app", "SQLALCHEMY_DATABASE_URI = 'mysql+pymysql://{u}:{v}@{h}/app'", "clickhouse://{u}:{v}@{h}:9000/x",
        "http://elastic:{v}@{h}:9200", "ldap://{u}:{v}@{h}", "socks5://{u}:{v}@{h}:1080", "snowflake://{u}:{v}@acct/db", "http_proxy=http://{u}:{v}@{h}:3128",
        "mssql+pyodbc://{u}:{v}@{h}/x?driver=ODBC", "nats://{u}:{v}@{h}:4222", "mongodb://{u}:{v}@{h}:27017,{h}:27018/app?replicaSet=rs0"),
    "connection string": _all(password, "Server=tcp:{h},1433;Initial Catalog=app;User ID={u};Password={v};Encrypt=True", "host={h} port=5432 user={u} password={v} dbname=app",
        "Data Source={h};Uid={u};Pwd={v};", "jdbc:postgresql://{h}/app?user={u}&password={v}", "jdbc:sqlserver://{h};user={u};password={v};encrypt=true",
        "{u}:{v}@tcp({h}:3306)/app?parseTime=true", "mysql:host={h};dbname=app;user={u};password={v}", "Driver={ODBC Driver 18};Server={h};UID={u};PWD={v}",
        "psql \"host={h} user={u} password={v}\"", "jdbc:oracle:thin:{u}/{v}@{h}:1521:xe", "sqlplus {u}/{v}@{h}:1521/XE"),
    "sql statement": _all(password, "CREATE USER {u} WITH PASSWORD '{v}';", "ALTER ROLE {u} WITH LOGIN ENCRYPTED PASSWORD '{v}';",
        "CREATE USER '{u}'@'%' IDENTIFIED BY '{v}';", "ALTER USER {u} IDENTIFIED WITH mysql_native_password BY '{v}';", "GRANT ALL ON *.* TO '{u}'@'h' IDENTIFIED BY '{v}';",
        "SET PASSWORD FOR '{u}'@'h' = PASSWORD('{v}');", "CREATE LOGIN {u} WITH PASSWORD = N'{v}';", "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET '{v}');",
        "CREATE DATABASE LINK l CONNECT TO {u} IDENTIFIED BY \"{v}\" USING 'x';", "db.createUser({user: '{u}', pwd: '{v}', roles: []})"),
    "bearer header": (*_all(lambda d: d.urlsafe(d.number(32, 90)), "Authorization: Bearer {v}", "authorization: bearer {v}", "curl -H \"Authorization: Bearer {v}\" https://{h}/v1",
        "headers = {'Authorization': 'Bearer {v}'}", 'req.Header.Set("Authorization", "Bearer {v}")', "'Authorization': `Bearer {v}`", '{"headers":{"authorization":"Bearer {v}"}}',
        "> Authorization: Bearer {v}", "http GET {h} Authorization:'Bearer {v}'", "request.headers.set('Authorization', 'Token {v}')", "Authorization: token {v}",
        "-H 'authorization: Bearer {v}' \\", "Proxy-Authorization: Bearer {v}", ".header(\"Authorization\", \"Bearer {v}\")", "Authorization: ApiKey {v}",
        "Authorization: SSWS {v}", "Authorization: GenieKey {v}", "Authorization: Bot {v}", "auth_header = 'Bearer {v}'", "--header='Authorization: Bearer {v}'",
        "Authorization: {v}", "Authorization: Splunk {v}", "Authorization: Klaviyo-API-Key {v}"),),
    "basic header": _all(_basic, "Authorization: Basic {v}", "curl -H 'Authorization: Basic {v}' https://{h}", '{"Authorization":"Basic {v}"}', "authorization: basic {v}",
        "headers['Authorization'] = 'Basic {v}'", "Proxy-Authorization: Basic {v}"),
    "key header": _all(key32, "X-Api-Key: {v}", "x-api-key: {v}", "curl -H 'X-API-Key: {v}' https://{h}", '{"x-api-key": "{v}"}', "X-Auth-Token: {v}", "PRIVATE-TOKEN: {v}", "X-Vault-Token: {v}",
        "DD-API-KEY: {v}", "api-key: {v}", "apikey: {v}", "X-Auth-Key: {v}", "X-Shopify-Access-Token: {v}", "X-Figma-Token: {v}", "X-Amz-Security-Token: {v}", "X-Gitlab-Token: {v}",
        "X-Goog-Api-Key: {v}", "xi-api-key: {v}", "X-Subscription-Token: {v}", "headers: { 'X-RapidAPI-Key': '{v}' }", "X-Parse-REST-API-Key: {v}", "X-CSRF-Token: {v}", "X-Postmark-Server-Token: {v}"),
    "query parameter": _all(key32, "https://{h}/v1?api_key={v}", "https://{h}/v1?access_token={v}&x=1", "https://{h}/x?a=1&token={v}", "https://{h}?client_id=a&client_secret={v}", "wss://{h}/ws?auth_token={v}",
        "/callback#access_token={v}&token_type=bearer", "https://{h}/v1?apikey={v}", "GET /v1/x?api-key={v} HTTP/1.1", "grant_type=refresh_token&refresh_token={v}", "https://{h}/?password={v}",
        "code=abc&client_secret={v}", "https://{h}/v1?subscription-key={v}", "https://{h}/x?X-Amz-Security-Token={v}"),
    "cookie": (_cookie,),
    "webhook url": (
        *_all(lambda d: f"T{d.upper(10)}/B{d.upper(10)}/{d.alnum(24)}", "https://hooks.slack.com/services/{v}", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/{v}"),
        *_all(lambda d: f"{d.digits(18)}/{d.urlsafe(68)}", "https://discord.com/api/webhooks/{v}", "https://discordapp.com/api/v10/webhooks/{v}"),
        *_all(lambda d: f"{d.uuid()}@{d.uuid()}/IncomingWebhook/{d.hex(32)}/{d.uuid()}", "https://{w}.webhook.office.com/webhookb2/{v}"),
        *_all(lambda d: d.urlsafe(43), "https://chat.googleapis.com/v1/spaces/AAAAx1/messages?key=k&token={v}"),
        *_all(lambda d: f"{d.digits(8)}/{d.lower(7)}{d.lower(7)}", "https://hooks.zapier.com/hooks/catch/{v}/"),
        *_all(lambda d: d.hex(64), "https://oapi.dingtalk.com/robot/send?access_token={v}"),
        *_all(lambda d: d.uuid(), "https://open.feishu.cn/open-apis/bot/v2/hook/{v}", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={v}"),
        *_all(lambda d: f"{d.digits(10)}:AA{d.urlsafe(33)}", "https://api.telegram.org/bot{v}/sendMessage"),
        *_all(lambda d: d.lower(26), "https://mattermost.{w}.io/hooks/{v}"),
    ),
    "netrc": _all(plain, "machine api.{w}.io login {u} password {v}", "machine {h}\n  login {u}\n  password {v}\n", "default login {u} password {v}", "machine {h} login {u} account a password {v}",
        "machine {h}\n\tpassword {v}\n\tlogin {u}"),
    "npmrc": (*_all(key32, "//registry.npmjs.org/:_authToken={v}", "//npm.{w}.io/:_authToken = \"{v}\"", "npm config set //registry.npmjs.org/:_authToken {v}", "//npm.pkg.github.com/:_authToken={v}\nalways-auth=true",
        "npmAuthToken: {v}", 'npmRegistries:\n  "https://r":\n    npmAuthToken: "{v}"'), *_all(_basic, "_auth={v}", "//r.{w}.io/:_auth = {v}", "//r.{w}.io/:_password={v}", "_auth = \"{v}\"\nemail=a@b.io")),
    "pypirc": _all(lambda d: "pypi-AgEIcHlwaS5vcmc" + d.urlsafe(150), "[pypi]\nusername = __token__\npassword = {v}", "twine upload -u __token__ -p {v} dist/*", "TWINE_PASSWORD={v}", "poetry config pypi-token.pypi {v}", "UV_PUBLISH_TOKEN={v}",
        "https://__token__:{v}@upload.pypi.org/legacy/"),
    "pip and conda": _all(plain, "--index-url https://{u}:{v}@pypi.{w}.io/simple", "extra-index-url = https://{u}:{v}@pypi.{w}.io/simple", "[server]\nusername: {u}\npassword: {v}"),
    "pgpass": _all(plain, "{h}:5432:app:{u}:{v}", "*:*:*:{u}:{v}", "localhost:5432:*:{u}:{v}", "{h}:5432:app:{u}:{v}\nother.host:5433:db:u:x"),
    "mysql client": _all(plain, "[client]\nuser={u}\npassword={v}", "[mysql]\nhost = {h}\npassword = \"{v}\"", "mysql -u {u} -p{v} app", "mysqldump -h {h} -u{u} -p'{v}' app > d.sql", "MYSQL_PWD={v} mysql -u {u}",
        "mysql --user={u} --password={v} app"),
    "database command": _all(plain, "PGPASSWORD={v} psql -h {h} -U {u}", "redis-cli -h {h} -a {v} ping", "mongosh -u {u} -p {v} --authenticationDatabase admin", "mongodump --username {u} --password {v}",
        "sqlcmd -S {h} -U {u} -P '{v}' -Q 'select 1'", "export PGPASSWORD='{v}'", "clickhouse-client --user {u} --password {v}", "requirepass {v}", "cqlsh {h} -u {u} -p {v}", "REDISCLI_AUTH={v} redis-cli", "bcp db.t out f -U {u} -P {v}"),
    "command": _all(plain, "sshpass -p {v} ssh {u}@{h}", "sshpass -p '{v}' scp a {u}@{h}:", "curl -u {u}:{v} https://{h}", "curl --user '{u}:{v}' https://{h}", "wget --user={u} --password={v} https://{h}", "docker login -u {u} -p {v} ghcr.io",
        "echo {v} | docker login ghcr.io -u {u} --password-stdin", "az login --service-principal -u id -p {v} --tenant t", "openssl enc -aes-256-cbc -pass pass:{v} -in a", "openssl rsa -in k -passin pass:{v}", "ansible-playbook x.yml -e \"ansible_password={v}\"",
        "kubectl create secret docker-registry r --docker-username={u} --docker-password={v}", "gpg --batch --passphrase {v} -d f", "echo '{u}:{v}' | chpasswd", "smbclient //h/s -U {u}%{v}", "helm registry login r -u {u} -p {v}", "7z x -p{v} a.7z", "unzip -P {v} a.zip",
        "net use z: \\\\h\\s /user:{u} {v}", "useradd -p {v} {u}", "vault login -method=userpass username={u} password={v}", "vault kv put secret/app password={v}", "ldapsearch -D cn=a -w {v} -b dc=x", "echo \"{v}\" | sudo -S apt update",
        "keytool -storepass {v} -list", "htpasswd -b f {u} {v}", "gh secret set DB_PASSWORD -b'{v}'", "aws secretsmanager create-secret --name x --secret-string '{v}'", "aws ssm put-parameter --name p --type SecureString --value '{v}'",
        "xfreerdp /u:{u} /p:{v} /v:{h}",
        "pulumi config set --secret dbPassword {v}", "dotnet user-secrets set \"Db:Password\" \"{v}\""),
    "login command": _all(key32, "export VAULT_TOKEN={v}", "snyk auth {v}", "vercel --token {v} deploy", "netlify deploy --auth {v}", "wrangler secret put X <<< {v}", "cargo login {v}", "nuget push a.nupkg -ApiKey {v}", "firebase deploy --token {v}", "sentry-cli --auth-token {v} releases", "codecov -t {v}", "ngrok config add-authtoken {v}", "tailscale up --authkey {v}", "consul kv get -token={v} x", "doctl auth init -t {v}"),
    "docker config": (_docker_config, lambda d: (lambda v: p(f'{{"identitytoken": "{v}"}}', v))(d.urlsafe(64))),
    "kubernetes secret": (_kubernetes_secret,),
    "kubeconfig": (*_all(b64(300), "    client-key-data: {v}", "users:\n- name: a\n  user:\n    client-key-data: {v}"), *_all(key32, "users:\n- name: a\n  user:\n    token: {v}", "kubectl config set-credentials a --token={v}", "kubectl --token {v} get po"),
        *_all(lambda d: f"{d.lower(6)}.{d.lower(16)}", "kubeadm join {h}:6443 --token {v} --discovery-token-ca-cert-hash sha256:ab")),
    "terraform": (*_all(plain, 'resource "aws_db_instance" "x" {\n  username = "{u}"\n  password = "{v}"\n}', "TF_VAR_db_password={v}", "terraform apply -var 'db_password={v}'", 'db_password = "{v}"', '"sensitive_values": {}, "values": {"master_password": "{v}"}',
        'master_password      = "{v}"', '{"outputs": {"db_password": {"sensitive": true, "type": "string", "value": "{v}"}}}'), *_all(lambda d: d.alnum(14) + ".atlasv1." + d.alnum(67), 'credentials "app.terraform.io" {\n  token = "{v}"\n}')),
    "build files": (*_all(plain, "<server><id>r</id><username>{u}</username><password>{v}</password></server>", "<add key=\"ClearTextPassword\" value=\"{v}\" />", "signing.keyPassword={v}", "storePassword={v}\nkeyAlias=a", "ossrhPassword={v}",
        "    http-basic:\n      password: {v}", '{"http-basic": {"repo.{w}.io": {"username": "{u}", "password": "{v}"}}}', "credentials += Credentials(\"r\", \"h\", \"{u}\", \"{v}\")",),
        *_all(lambda d: "cio" + d.alnum(32), "[registry]\ntoken = \"{v}\""), *_all(lambda d: d.hex(40), ":rubygems_api_key: {v}", '{"github-oauth": {"github.com": "{v}"}}')),
    "session and signing": (*_all(lambda d: d.hex(64), "SECRET_KEY_BASE={v}", "secret_key_base: {v}", "app.secret_key = '{v}'", "SESSION_SECRET={v}", "COOKIE_SECRET={v}", "NEXTAUTH_SECRET={v}", "app.use(session({ secret: '{v}' }))", "jwt.sign(payload, '{v}')", "jwt.decode(t, \"{v}\", algorithms=[\"HS256\"])"),
        *_all(lambda d: d.of("abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", 50), "SECRET_KEY = 'django-insecure-{v}'", "SECRET_KEY = '{v}'"), *_all(b64(43, "="), "APP_KEY=base64:{v}", "RAILS_MASTER_KEY={v}", "FERNET_KEY={v}", "encryption.key: {v}", "AIRFLOW__CORE__FERNET_KEY={v}")),
    "wireguard and jwk": (*_all(b64(43, "="), "[Interface]\nPrivateKey = {v}\nAddress = 10.0.0.2/32", "PresharedKey = {v}"), *_all(lambda d: d.urlsafe(43), '{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"{v}"}', '{"kty": "oct", "k": "{v}", "alg": "HS256"}')),
    "other key files": (*_all(b64(64), "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: k\nPrivate-Lines: 1\n{v}\nPrivate-MAC: 00"),),
    "talk": (*_all(plain, "the password is {v}", "my password is {v}, log in", "password: {v}", "Passwort: {v}", "pw: {v}", "user {u}, password {v}", "username: {u} password: {v}", "The admin password was set to {v}", "pwd={v}", "pass: {v}"),
        *_all(key32, "here is my api key: {v}", "API key = {v}", "api token: {v}", "token is {v}", "use token {v}", "the secret key is {v}", "secret: {v}", "My OpenAI key: {v}", "access token `{v}`")),
}  # fmt: skip
