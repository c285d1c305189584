"""Values that only their name gives away, in the syntax of the common languages and configuration files."""

from __future__ import annotations

import json

from tests.redaction.planted.draw import Draw, Planted

# (name in lower case with underscores, what kind of value it has)
NAMES: tuple[tuple[str, str], ...] = (
    ("password", "password"),
    ("db_password", "password"),
    ("smtp_password", "password"),
    ("admin_passwd", "password"),
    ("passphrase", "password"),
    ("redis_password", "password"),
    ("api_key", "key"),
    ("mistral_api_key", "key"),
    ("datadog_api_key", "hex"),
    ("client_secret", "key"),
    ("jwt_secret", "key"),
    ("webhook_secret", "hex"),
    ("secret_key", "key"),
    ("app_secret", "hex"),
    ("access_token", "key"),
    ("auth_token", "hex"),
    ("refresh_token", "key"),
    ("github_token", "hex"),
    ("private_token", "key"),
    ("encryption_key", "base64"),
    ("signing_key", "base64"),
    ("access_key", "key"),
)
CAMEL, SNAKE, CAPITAL, KEBAB, DOTTED, PASCAL = "camel", "snake", "capital", "kebab", "dotted", "pascal"

# Quotes, brackets and dollars have a meaning of their own in a language; {n} is the name, {v} the value.
LANGUAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "python": (SNAKE, (
        '{n} = "{v}"', "{n} = '{v}'", '{n}: str = "{v}"', "Client({n}='{v}')", 'config["{n}"] = "{v}"',
        "settings = {{'{n}': '{v}', 'port': 1}}", 'os.environ["{n}"] = "{v}"', "{n} = b'{v}'",
        'os.environ.setdefault("{n}", "{v}")', 'connect(host="h", {n}="{v}", port=5432)', 'self.{n} = "{v}"',
        '{n} = os.getenv("X") or "{v}"', 'parser.add_argument("--{n}", default="{v}")',
    )),
    "javascript": (CAMEL, (
        'const {n} = "{v}";', "let {n} = '{v}'", "var {n} = `{v}`;", "{{ {n}: '{v}' }}", 'module.exports.{n} = "{v}"',
        'new Client({{ host, {n}: "{v}" }})', "process.env.{n} = '{v}';", 'headers["{n}"] = "{v}"',
        'const {n} = process.env.X || "{v}";', "const {n} = process.env.X ?? '{v}'", "localStorage.setItem('{n}', '{v}')",
    )),
    "typescript": (CAMEL, ('const {n}: string = "{v}";', "private readonly {n} = '{v}';", 'export const {n} = "{v}" as const;')),
    "go": (PASCAL, (
        '{n} := "{v}"', 'var {n} string = "{v}"', 'const {n} = "{v}"', 'Config{{{n}: "{v}", Port: 1}}', "{n} = `{v}`",
        'os.Setenv("{n}", "{v}")', 'cfg.{n} = "{v}"', '\t{n}:     "{v}",', 'viper.SetDefault("{n}", "{v}")',
    )),
    "java": (CAMEL, (
        'String {n} = "{v}";', 'private static final String {n} = "{v}";', 'props.setProperty("{n}", "{v}");',
        'map.put("{n}", "{v}");', '@Value("{n}=x") .{n}("{v}")', 'builder.{n}("{v}").build();',
        'System.setProperty("{n}", "{v}");',
    )),
    "kotlin": (CAMEL, ('val {n} = "{v}"', 'const val {n}: String = "{v}"', 'mapOf("{n}" to "{v}")')),
    "c#": (PASCAL, (
        'var {n} = "{v}";', 'public string {n} {{ get; set; }} = "{v}";', 'options.{n} = @"{v}";',
        'config["{n}"] = "{v}";', 'new X {{ {n} = "{v}" }};', 'private const string {n} = "{v}";',
    )),
    "c": (SNAKE, ('#define {n} "{v}"', 'const char *{n} = "{v}";', 'static char {n}[] = "{v}";')),
    "ruby": (SNAKE, (
        "{n} = '{v}'", ':{n} => "{v}"', "{n}: '{v}',", 'ENV["{n}"] = "{v}"', "config.{n} = '{v}'",
        "ENV['{n}'] ||= '{v}'", 'ENV.fetch("{n}", "{v}")',
    )),
    "php": (SNAKE, (
        "${n} = '{v}';", "'{n}' => '{v}',", "define('{n}', '{v}');", '$config["{n}"] = "{v}";', "$this->{n} = '{v}';",
        "putenv('{n}={v}');", "env('{n}', '{v}')",
    )),
    "rust": (SNAKE, (
        'let {n} = "{v}";', 'const {n}: &str = "{v}";', '{n}: "{v}".to_string(),', 'let {n}: String = String::from("{v}");',
        'env::set_var("{n}", "{v}");', 'let {n} = r"{v}";', '.{n}("{v}")',
    )),
    "swift": (CAMEL, ('let {n} = "{v}"', 'static let {n}: String = "{v}"')),
    "scala": (CAMEL, ('val {n} = "{v}"', '"{n}" -> "{v}"')),
    "elixir": (SNAKE, ('{n}: "{v}",', '@{n} "{v}"', 'config :app, {n}: "{v}"')),
    "lua": (SNAKE, ('local {n} = "{v}"', '["{n}"] = "{v}",')),
    "perl": (SNAKE, ("my ${n} = '{v}';", "{n} => '{v}',", "$ENV{{{n}}} = '{v}';")),
    "r": (SNAKE, ('{n} <- "{v}"', 'Sys.setenv({n} = "{v}")')),
    "dart": (CAMEL, ("final String {n} = '{v}';", "'{n}': '{v}',")),
    "shell": (CAPITAL, (
        "export {n}={v}", "{n}='{v}'", '{n}="{v}" make deploy', "{n}={v} ./run.sh", "export {n}='{v}' && ./run",
        "declare -x {n}=\"{v}\"", "set -x {n} '{v}'", "docker run -e {n}={v} img", 'docker run --env {n}="{v}" img',
        "env {n}={v} cmd", "echo '{n}={v}' >> .env", "echo \"{n}={v}\" | sudo tee -a /etc/environment",
        "heroku config:set {n}={v}", "fly secrets set {n}={v}", "gh secret set {n} --body '{v}'",
        "kubectl create secret generic x --from-literal={n}={v}", "printf '{n}=%s\\n' '{v}'", 'read -r {n} <<< "{v}"',
    )),
    "powershell": (CAPITAL, (
        '$env:{n} = "{v}"', "$env:{n}='{v}'", '${n} = "{v}"', '[Environment]::SetEnvironmentVariable("{n}", "{v}", "User")',
        "$p = @{{ {n} = '{v}' }}", "${n} = ConvertTo-SecureString '{v}' -AsPlainText -Force", "setx {n} \"{v}\"",
        "set {n}={v}",
    )),
    "yaml": (SNAKE, (
        "{n}: {v}", "{n}: '{v}'", '{n}: "{v}"', "db:\n  {n}: {v}\n  port: 5432", "- {n}: {v}", "  {n}: {v}  # rotate",
        "{n}: >-\n  {v}\nport: 1", "{n}: |\n  {v}\nport: 1", "{{{n}: {v}, port: 1}}", "- name: {n}\n  value: {v}",
        '- name: {n}\n  value: "{v}"', "environment:\n  - {n}={v}\n  - PORT=1", "{n}: !!str {v}", '"{n}": "{v}"',
    )),
    "toml": (SNAKE, ('{n} = "{v}"', "{n} = '{v}'", '[auth]\n{n} = "{v}"\n', '"{n}" = "{v}"', 'x = {{ {n} = "{v}" }}', '{n} = """{v}"""')),
    "ini": (SNAKE, ("{n} = {v}", "{n}={v}", "[db]\n{n} = {v}\nport = 1", "{n}: {v}", "{n}={v} ; old one")),
    "properties": (DOTTED, ("spring.datasource.{n}={v}", "{n} = {v}", "app.{n}: {v}", "quarkus.{n}={v}\nserver.port=1")),
    "xml": (CAMEL, (
        "<{n}>{v}</{n}>", '<add key="{n}" value="{v}" />', '<property name="{n}" value="{v}"/>', '<user {n}="{v}"/>',
        "<entry key='{n}'>{v}</entry>", '<string name="{n}">{v}</string>', "<{n}><![CDATA[{v}]]></{n}>",
        "<key>{n}</key>\n<string>{v}</string>", '<setting name="{n}"><value>{v}</value></setting>',
        '<param value="{v}" name="{n}"/>',
    )),
    "hcl": (SNAKE, (
        '{n} = "{v}"', 'variable "{n}" {{\n  default = "{v}"\n}}', '  {n}     = "{v}"', '{n} = {{ value = "{v}" }}',
        'variable "{n}" {{\n  type = string\n  default = "{v}"\n}}', 'set {{\n  name = "{n}"\n  value = "{v}"\n}}',
    )),
    "sql": (SNAKE, (
        "CREATE USER app WITH {n} '{v}';", "SET {n} = '{v}';", "UPDATE conf SET {n} = '{v}' WHERE id = 1;",
        "{n}='{v}'", "INSERT INTO conf (name, value) VALUES ('{n}', '{v}');",
    )),
    "dockerfile": (CAPITAL, ("ENV {n}={v}", "ENV {n} {v}", "ARG {n}={v}", 'ENV {n}="{v}"', "ENV A=1 {n}={v}", "RUN {n}={v} ./install")),
    "env file": (CAPITAL, ("{n}={v}", '{n}="{v}"', "{n}='{v}'", "export {n}={v}", "# prod\n{n}={v}\nPORT=1", "PORT=1\n{n}={v} # note", "{n}= {v}", "{n} = {v}", "#{n}={v}")),
    "json": (CAMEL, ('{{"{n}": "{v}"}}', '{{"a": 1, "{n}":"{v}","b":[]}}', '{{\n  "{n}": "{v}"\n}}', '{{"name": "{n}", "value": "{v}"}}',
        '{{"key":"{n}","value":"{v}"}}', '{{"args": ["--{n}", "{v}"]}}', '{{"args": ["--{n}={v}"]}}', "{{'{n}': '{v}'}}",
        '{{"Key": "{n}", "Type": "String", "Value": "{v}"}}', '{{"value": "{v}", "name": "{n}"}}')),
    "flags": (KEBAB, ("tool --{n} {v}", "tool --{n}={v} run", "tool --{n} '{v}'", 'tool --{n}="{v}"', "tool -{n} {v}", "helm upgrade x --set auth.{n}={v}",
        "helm upgrade x --set-string db.{n}='{v}'", "java -D{n}={v} -jar a.jar", "tool --config db.{n}={v}", "msbuild /p:{n}={v}", "tool --{n} \\\n    {v}")),
    "log line": (SNAKE, ("2026-01-05 INFO login {n}={v} ok", 'level=info msg="x" {n}={v}', "{n}: {v}", "DEBUG: {n} is '{v}'", "Using {n} = {v}",
        "request failed (user=a, {n}={v}, port=1)", "{n} -> {v}", "?{n}={v}&page=2", "a=1&{n}={v}", "{n}='{v}', x", "Config(user='a', {n}='{v}')")),
    "markdown": (SNAKE, ("- **{n}**: `{v}`", "| {n} | `{v}` |", "`{n}={v}`", "{n}: `{v}`", "Set {n} to `{v}`", "* {n} = {v}", "The {n} is `{v}`.",
        "```\n{n}={v}\n```", "my {n} is {v}")),
}  # fmt: skip


def write_name(style: str, name: str) -> str:
    """A snake_case name as the language writes it."""
    words = name.split("_")
    if style == CAMEL:
        return words[0] + "".join(word.capitalize() for word in words[1:])
    if style == PASCAL:
        return "".join(word.capitalize() for word in words)
    return {
        SNAKE: name,
        CAPITAL: name.upper(),
        KEBAB: name.replace("_", "-"),
        DOTTED: name.replace("_", "."),
    }[style]


def _value(d: Draw, kind: str, template: str) -> str:
    if kind == "hex":
        return d.hex(d.choice([32, 40, 64]))
    if kind == "base64":
        return d.base64(43) + "="
    if kind == "key":
        return d.alnum(d.choice([24, 32, 40, 48]))
    is_quoted = any(mark + "{v}" in template for mark in "\"'`")
    return d.password("!#%^*+?~=._-@&;,/()" if is_quoted else "!%^*+?~._-")


def assignment(language: str, d: Draw, number: int) -> Planted:
    """The `number`th way of the language to give a value to a name."""
    style, templates = LANGUAGES[language]
    template = templates[number % len(templates)]
    name, kind = d.choice(NAMES)
    written = write_name(style, name)
    if (style in (CAMEL, PASCAL) and d.chance(0.15)) or (style == SNAKE and d.chance(0.15)):
        written = name.upper()
    value = _value(d, kind, template)
    return Planted(template.format(n=written, v=value), (value,))


def nested_json(d: Draw, number: int) -> Planted:
    """JSON inside JSON inside JSON: each level is a string of the one around it."""
    name, kind = d.choice(NAMES)
    value = _value(d, kind, '"{v}')
    shapes = (
        {name: value},
        {"config": {"database": {"host": d.host(), name: value}}},
        [{"env": {name.upper(): value, "PORT": "5432"}}],
        {"name": name.upper(), "value": value},
        {"log": f"{name}={d.word()}", "line": f'retry with {name}="{value}"'},
    )
    inner: object = shapes[number % len(shapes)]
    for level in range(d.number(1, 3)):
        text = json.dumps(inner, ensure_ascii=d.chance(0.5), indent=2 if d.chance(0.3) else None)
        inner = {"body": text} if level % 2 else {"status": 200, "payload": text, "ok": True}
    return Planted(json.dumps(inner), (value,))
