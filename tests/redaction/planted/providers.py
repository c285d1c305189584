"""Tokens whose own form gives them away, by family and kind, as their providers describe the format."""

from __future__ import annotations

from collections.abc import Callable

from tests.redaction.planted.draw import Draw

Maker = Callable[[Draw], str]


def _segments(d: Draw) -> str:
    """A signed JSON web token (RFC 7519): three parts, the first two the base64url of JSON objects."""
    return f"eyJ{d.urlsafe(d.number(17, 60))}.eyJ{d.urlsafe(d.number(30, 200))}.{d.urlsafe(d.choice([43, 86, 342]))}"


CLOUD: dict[str, tuple[Maker, ...]] = {
    "aws access key id": (lambda d: "AKIA" + d.base32(16), lambda d: "ASIA" + d.base32(16)),
    "aws bedrock": (lambda d: "ABSK" + d.base64(128), lambda d: "bedrock-api-key-" + d.base64(200)),
    "google api key": (lambda d: "AIza" + "Sy" + d.urlsafe(33),),
    "google oauth": (
        lambda d: "GOCSPX-" + d.urlsafe(28),
        lambda d: "ya29." + d.urlsafe(d.number(60, 200)),
        lambda d: "1//0" + d.urlsafe(d.number(40, 100)),
    ),
    "entra client secret": (lambda d: f"{d.alnum(3)}{d.digits(1)}Q~{d.of('~._-' + 'abcXYZ019', 34)}",),
    "azure devops": (lambda d: d.alnum(76) + "AZDO" + d.alnum(4),),
    "digitalocean": tuple(lambda d, p=p: f"{p}_v1_{d.hex(64)}" for p in ("dop", "doo", "dor")),
    "alibaba": (lambda d: "LTAI" + d.alnum(20), lambda d: "LTAI5t" + d.alnum(18)),
    "heroku": (lambda d: "HRKU-" + d.uuid(), lambda d: "HRKU-AA" + d.urlsafe(58)),
    "fly.io": (lambda d: "fo1_" + d.urlsafe(43), lambda d: "fm2_" + d.base64(180)),
    "vercel": (lambda d: "vcp_" + d.alnum(56),),
    "netlify": (lambda d: "nfp_" + d.alnum(36),),
    "render": (lambda d: "rnd_" + d.alnum(28),),
    "cloudflare": (lambda d: "v1.0-" + d.hex(24) + "-" + d.hex(146),),
    "supabase": (lambda d: "sbp_" + d.hex(40), lambda d: "sb_secret_" + d.urlsafe(31)),
    "databricks": (lambda d: "dapi" + d.hex(32), lambda d: "dapi" + d.hex(32) + "-2"),
    "hashicorp vault": (lambda d: "hvs." + d.urlsafe(d.number(90, 110)), lambda d: "hvb." + d.urlsafe(150)),
    "terraform cloud": (lambda d: d.alnum(14) + ".atlasv1." + d.alnum(67),),
    "pulumi": (lambda d: "pul-" + d.hex(40),),
    "doppler": (lambda d: "dp.pt." + d.alnum(43), lambda d: "dp.st.prd." + d.alnum(43)),
    "scaleway": (lambda d: "SCW" + d.upper(17),),
    "yandex": (lambda d: "AQVN" + d.urlsafe(36), lambda d: "y0_" + d.urlsafe(55)),
    "tailscale": (lambda d: f"tskey-auth-{d.alnum(12)}CNTRL-{d.alnum(32)}", lambda d: f"tskey-api-k{d.alnum(11)}CNTRL-{d.alnum(30)}"),
    "neon": (lambda d: "napi_" + d.lower(64), lambda d: "npg_" + d.alnum(12)),
    "aiven": (lambda d: "AVNS_" + d.urlsafe(19),),
    "planetscale": tuple(lambda d, p=p: f"pscale_{p}_{d.urlsafe(43)}" for p in ("tkn", "pw", "oauth")),
    "1password": (lambda d: "ops_eyJ" + d.base64(280),),
    "prefect": (lambda d: "pnu_" + d.lower(36),),
    "age": (lambda d: "AGE-SECRET-KEY-1" + d.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),),
}  # fmt: skip

SOURCE: dict[str, tuple[Maker, ...]] = {
    "github": (
        *(lambda d, p=p: f"gh{p}_{d.alnum(36)}" for p in "pousr"),
        lambda d: "ghr_" + d.alnum(76),
    ),
    "github fine-grained": (lambda d: f"github_pat_11{d.upper(20)}_{d.alnum(59)}",),
    "gitlab": (
        *(
            lambda d, p=p: f"gl{p}-{d.urlsafe(20)}"
            for p in ("pat", "dt", "ptt", "rt", "rtr", "ft", "imt", "agent", "soat", "oas", "ffct", "wt")
        ),
        lambda d: f"glcbt-{d.hex(2)}_{d.urlsafe(20)}",
        lambda d: f"glpat-{d.urlsafe(27)}.01.{d.lower(9)}",
        lambda d: f"glrt-t1_{d.urlsafe(20)}",
        lambda d: "GR1348941" + d.urlsafe(20),
    ),
    "bitbucket": (lambda d: "ATBB" + d.alnum(32), lambda d: "ATCTT3xFfGN0" + d.urlsafe(180), lambda d: "BBDC-" + d.base64(44)),
    "atlassian": (lambda d: f"ATATT3xFfGF0{d.urlsafe(171)}={d.hex(8).upper()}", lambda d: "ATTA" + d.alnum(72)),
    "linear": (lambda d: "lin_api_" + d.alnum(40), lambda d: "lin_oauth_" + d.hex(64)),
    "notion": (lambda d: "ntn_" + d.digits(11) + d.alnum(35), lambda d: "secret_" + d.alnum(43)),
    "figma": (lambda d: "figd_" + d.urlsafe(40), lambda d: "figo_" + d.urlsafe(40)),
    "postman": (lambda d: f"PMAK-{d.hex(24)}-{d.hex(34)}",),
    "sonar": tuple(lambda d, p=p: f"sq{p}_{d.hex(40)}" for p in "upa"),
    "circleci": (lambda d: f"CCIPAT_{d.alnum(22)}_{d.hex(40)}", lambda d: f"CCIPRJ_{d.alnum(22)}_{d.hex(40)}"),
    "buildkite": (lambda d: "bkua_" + d.hex(40),),
    "sourcegraph": (lambda d: f"sgp_{d.hex(16)}_{d.hex(40)}", lambda d: "sgp_" + d.hex(40)),
    "airtable": (lambda d: f"pat{d.alnum(14)}.{d.hex(64)}",),
    "hubspot": (lambda d: f"pat-na1-{d.uuid()}", lambda d: f"pat-eu1-{d.uuid()}"),
    "contentful": (lambda d: "CFPAT-" + d.urlsafe(43),),
    "asana": (lambda d: f"2/{d.digits(16)}/{d.digits(16)}:{d.hex(32)}",),
    "typeform": (lambda d: "tfp_" + d.urlsafe(59),),
    "clickup": (lambda d: f"pk_{d.digits(8)}_{d.upper(32)}",),
    "launchdarkly": (lambda d: "sdk-" + d.uuid(), lambda d: "api-" + d.uuid()),
}  # fmt: skip

AI: dict[str, tuple[Maker, ...]] = {
    "anthropic": tuple(
        lambda d, k=k: f"sk-ant-{k}-{d.urlsafe(93)}AA" for k in ("api03", "admin01", "oat01", "ort01", "sid01")
    ),
    "openai": (
        *(lambda d, p=p: f"sk-{p}-{d.urlsafe(74)}T3BlbkFJ{d.urlsafe(74)}" for p in ("proj", "svcacct", "admin")),
        lambda d: f"sk-{d.alnum(20)}T3BlbkFJ{d.alnum(20)}",
        lambda d: "sess-" + d.alnum(40),
    ),
    "deepseek": (lambda d: "sk-" + d.hex(32),),
    "openrouter": (lambda d: "sk-or-v1-" + d.hex(64),),
    "hugging face": (lambda d: "hf_" + d.of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 34),),
    "groq": (lambda d: "gsk_" + d.alnum(52),),
    "xai": (lambda d: "xai-" + d.alnum(80),),
    "perplexity": (lambda d: "pplx-" + d.alnum(48),),
    "replicate": (lambda d: "r8_" + d.alnum(37),),
    "langsmith": (lambda d: f"lsv2_pt_{d.hex(32)}_{d.hex(10)}", lambda d: f"lsv2_sk_{d.hex(32)}_{d.hex(10)}"),
    "tavily": (lambda d: "tvly-dev-" + d.alnum(32), lambda d: "tvly-" + d.alnum(32)),
    "nvidia": (lambda d: "nvapi-" + d.urlsafe(64),),
    "fireworks": (lambda d: "fw_" + d.alnum(22), lambda d: "fw_" + d.alnum(24)),
    "cerebras": (lambda d: "csk-" + d.lower(48),),
    "pinecone": (lambda d: f"pcsk_{d.alnum(6)}_{d.alnum(63)}",),
    "elevenlabs": (lambda d: "sk_" + d.hex(48),),
    "jina": (lambda d: "jina_" + d.hex(32) + d.urlsafe(28),),
    "voyage": (lambda d: "pa-" + d.urlsafe(43),),
    "langfuse": (lambda d: "sk-lf-" + d.uuid(),),
    "together": (lambda d: "tgp_v1_" + d.urlsafe(43),),
    "wandb": (lambda d: "wandb_v1_" + d.alnum(77),),
}  # fmt: skip

PAYMENT: dict[str, tuple[Maker, ...]] = {
    "stripe": tuple(
        lambda d, p=p, n=n: f"{p}_{d.alnum(n)}" for p in ("sk_live", "sk_test", "rk_live", "rk_test") for n in (24, 99)
    ),
    "stripe webhook": (lambda d: "whsec_" + d.alnum(32),),
    "square": (lambda d: "sq0csp-" + d.urlsafe(43), lambda d: "sq0atp-" + d.urlsafe(22), lambda d: "EAAAE" + d.urlsafe(59)),
    "shopify": tuple(lambda d, p=p: f"shp{p}_{d.hex(32)}" for p in ("at", "ca", "pa", "ss")),
    "braintree": (lambda d: f"access_token$production${d.lower(16)}${d.hex(32)}",),
    "plaid": (lambda d: "access-production-" + d.uuid(), lambda d: "access-sandbox-" + d.uuid()),
    "paystack": (lambda d: "sk_live_" + d.hex(40),),
    "flutterwave": (lambda d: f"FLWSECK-{d.hex(32)}-X", lambda d: f"FLWSECK_TEST-{d.hex(32)}-X"),
    "mollie": (lambda d: "live_" + d.alnum(30),),
    "paddle": (lambda d: f"pdl_live_apikey_01{d.lower(24)}_{d.alnum(22)}_{d.alnum(3)}",),
    "easypost": (lambda d: "EZAK" + d.alnum(54),),
    "shippo": (lambda d: "shippo_live_" + d.hex(40),),
    "duffel": (lambda d: "duffel_live_" + d.urlsafe(43),),
}  # fmt: skip

MESSAGING: dict[str, tuple[Maker, ...]] = {
    "slack": (
        lambda d: f"xoxb-{d.digits(12)}-{d.digits(13)}-{d.alnum(24)}",
        lambda d: f"xoxp-{d.digits(12)}-{d.digits(12)}-{d.digits(13)}-{d.hex(32)}",
        lambda d: f"xoxe.xoxp-1-{d.alnum(160)}",
        lambda d: f"xoxe-1-{d.alnum(140)}",
        lambda d: f"xoxc-{d.digits(12)}-{d.digits(12)}-{d.digits(13)}-{d.hex(64)}",
        lambda d: f"xoxd-{d.base64(120)}",
        lambda d: f"xapp-1-A{d.upper(10)}-{d.digits(13)}-{d.hex(64)}",
    ),
    "discord bot": (lambda d: f"{d.choice('MNO')}{d.alnum(25)}.{d.urlsafe(6)}.{d.urlsafe(38)}",),
    "telegram": (lambda d: f"{d.digits(10)}:AA{d.urlsafe(33)}",),
    "twilio": (lambda d: "SK" + d.hex(32),),
    "sendgrid": (lambda d: f"SG.{d.urlsafe(22)}.{d.urlsafe(43)}",),
    "mailgun": (lambda d: "key-" + d.hex(32), lambda d: f"{d.hex(32)}-{d.hex(8)}-{d.hex(8)}"),
    "mailchimp": (lambda d: f"{d.hex(32)}-us{d.number(1, 21)}",),
    "brevo": (lambda d: f"xkeysib-{d.hex(64)}-{d.alnum(16)}", lambda d: f"xsmtpsib-{d.hex(64)}-{d.alnum(16)}"),
    "resend": (lambda d: f"re_{d.alnum(8)}_{d.alnum(24)}",),
    "onesignal": (lambda d: "os_v2_app_" + d.of("abcdefghijklmnopqrstuvwxyz234567", 103),),
    "facebook": (lambda d: "EAAG" + d.alnum(180),),
    "twitter": (lambda d: "A" * 21 + d.alnum(5) + "A" * 7 + "0%2B" + d.alnum(28) + "%3D" + d.alnum(50),),
    "dropbox": (lambda d: "sl." + d.urlsafe(140),),
}  # fmt: skip

REGISTRY: dict[str, tuple[Maker, ...]] = {
    "npm": (lambda d: "npm_" + d.alnum(36),),
    "pypi": (lambda d: "pypi-AgEIcHlwaS5vcmc" + d.urlsafe(150), lambda d: "pypi-AgENdGVzdC5weXBpLm9yZw" + d.urlsafe(140)),
    "rubygems": (lambda d: "rubygems_" + d.hex(48),),
    "crates.io": (lambda d: "cio" + d.alnum(32),),
    "docker hub": (lambda d: "dckr_pat_" + d.urlsafe(27), lambda d: "dckr_oat_" + d.urlsafe(32)),
    "artifactory": (lambda d: "AKCp" + d.alnum(69), lambda d: "cmVmdGtu" + d.alnum(56)),
    "nuget": (lambda d: "oy2" + d.lower(43),),
    "clojars": (lambda d: "CLOJARS_" + d.hex(60),),
    "packagist": (lambda d: "packagist_uut_" + d.hex(64),),
}  # fmt: skip

OBSERVABILITY: dict[str, tuple[Maker, ...]] = {
    "sentry": (lambda d: "sntryu_" + d.hex(64), lambda d: f"sntrys_eyJpYXQiO{d.base64(120)}=_{d.base64(43)}"),
    "grafana": (lambda d: f"glsa_{d.alnum(32)}_{d.hex(8)}", lambda d: "glc_eyJvIjoi" + d.base64(100)),
    "new relic": (lambda d: "NRAK-" + d.upper(27), lambda d: f"{d.hex(36)}FFFFNRAL", lambda d: "NRII-" + d.urlsafe(32)),
    "dynatrace": (lambda d: f"dt0c01.{d.base32(24)}.{d.base32(64)}",),
    "posthog": (lambda d: "phx_" + d.alnum(43),),
    "honeycomb": (lambda d: f"hcaik_{d.lower(58)}",),
    "mapbox": (lambda d: f"sk.eyJ1Ijoi{d.urlsafe(60)}.{d.urlsafe(22)}",),
    "json web token": (_segments,),
}  # fmt: skip

TOKENS: dict[str, tuple[Maker, ...]] = {
    **CLOUD, **SOURCE, **AI, **PAYMENT, **MESSAGING, **REGISTRY, **OBSERVABILITY,
}  # fmt: skip

CARRIERS: tuple[str, ...] = (
    "{s}",
    "use {s} for it",
    "The key is {s}.",
    "({s})",
    "`{s}`",
    "'{s}', please rotate",
    "<{s}>",
    "a,{s},b",
    "| prod | {s} |",
    "SERVICE_CREDENTIAL={s}",
    'export SERVICE_VALUE="{s}"',
    "value: {s}\nnext: 1",
    '{{"value": "{s}"}}',
    "client = Client('{s}')",
    "tool login --with {s} --quiet",
    "Authorization: Bearer {s}",
    "curl -H 'X-Thing: {s}' https://api.acme.io/v1",
    "https://api.acme.io/v1/items?page=2&k={s}&sort=asc",
    "+    key: {s}",
    "    12→KEY={s}",
    "line one\r\nKEY={s}\r\nline three",
    "\x1b[32m{s}\x1b[0m",
    "const k = `{s}`;",
    "b'{s}'",
    "Ключ: «{s}» \U0001f511",
    "x = {s}; y = 1",
    "[{s}]",
    "{s}\n{s}",
    "error: bad credentials {s}: 401",
)
