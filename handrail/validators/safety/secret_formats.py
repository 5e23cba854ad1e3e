"""Formats of tokens and keys: how each begins, what follows, and where its maker or a public catalogue says so.

Most forms without a page of their maker are as in the public rule sets of gitleaks and GitHub secret scanning.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

_GITHUB = "https://github.blog/engineering/behind-githubs-new-authentication-token-formats/"
_NPM = "https://github.blog/security/supply-chain-security/npm-security-update-oauth-tokens-new-format/"
_GITLAB = "https://docs.gitlab.com/security/tokens/#token-prefixes"
_SLACK = "https://docs.slack.dev/authentication/tokens/"
_SCANNED = "https://docs.github.com/code-security/reference/secret-security/supported-secret-scanning-patterns"
_LEAKS = "https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def crc32_base62(token: str) -> bool:
    """Whether the last six characters are the CRC-32 (base 62) of what stands between the prefix ``abc_`` and them."""
    body, wanted = token.partition("_")[2][:-6], token[-6:]
    left, digits = zlib.crc32(body.encode("utf-8", "replace")), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        digits = _DIGITS[digit] + digits
    return digits == wanted


@dataclass(frozen=True, slots=True)
class Format:
    """One format of secrets."""

    name: str
    what: str
    """What it is, in a few words."""
    start: str
    """RE2 pattern of its beginning, which the quick look searches for."""
    rest: str
    """RE2 pattern of what follows."""
    source: str
    """Where prefix and length are written down."""
    valid: Callable[[str], bool] | None = None
    """Its own checksum, where it has one: what fails it is no secret."""
    open_end: bool = False
    """Whether more characters of its alphabet may follow."""

    @property
    def pattern(self) -> str:
        """The whole pattern."""
        return self.start + self.rest


_W = "[A-Za-z0-9_-]"
_A = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"

FORMATS: tuple[Format, ...] = (
    Format("aws_access_key", "an AWS access key id", r"\bA(?:KIA|SIA|BIA|CCA)[A-Z2-7]{4}", "[A-Z2-7]{12}",
           "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"),
    Format("google_api_key", "a Google API key", r"\bAIza" + _W + "{4}", _W + "{31}", _SCANNED),
    Format("google_oauth_secret", "a Google OAuth client secret", r"\bGOCSPX-", _W + "{28}", _SCANNED),
    Format("google_access_token", "a Google OAuth access token", r"\bya29\.", "[A-Za-z0-9_.-]{30,}",
           "https://developers.google.com/identity/protocols/oauth2", open_end=True),
    Format("azure_client_secret", "a Microsoft Entra client secret", r"\b[A-Za-z0-9_~.]{3}[0-9]Q~",
           "[A-Za-z0-9_~.-]{31,34}", _SCANNED),
    Format("azure_account_key", "an Azure storage or service key", r"\b(?:Account|SharedAccess)Key=",
           "[A-Za-z0-9+/]{43,86}={1,2}",
           "https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string",
           open_end=True),
    Format("azure_devops_token", "an Azure DevOps token", "AZDO" + _A, _A + "{3}", _SCANNED),
    Format("github_token", "a GitHub token", r"gh[pousr]_" + _A + "{4}", _A + "{32}", _GITHUB, crc32_base62,
           open_end=True),
    Format("github_fine_grained_token", "a GitHub fine-grained token", r"\bgithub_pat_",
           _A + "{22}_" + _A + "{59}", _SCANNED),
    Format("gitlab_token", "a GitLab token", r"\bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-",
           "(?:[a-z0-9]{1,5}_)?" + _W + "{20,300}(?:[.][0-9a-z]{2}[.][0-9a-z]{7})?", _GITLAB, open_end=True),
    Format("slack_token", "a Slack token", r"\bxox[abeoprs][.-]", "(?:xox[bp]-)?[0-9A-Za-z-]{20,250}", _SLACK,
           open_end=True),
    Format("slack_app_token", "a Slack app-level token", r"\bxapp-[0-9]-",
           "[A-Z0-9]{8,20}-[0-9]{8,20}-[a-f0-9]{64}", _SLACK),
    Format("slack_webhook", "a Slack webhook", "hooks[.]slack[.]com/services/",
           "T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/" + _A + "{24}",
           "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/"),
    Format("discord_webhook", "a Discord webhook", "discord(?:app)?[.]com/api/webhooks/",
           "[0-9]{17,20}/" + _W + "{60,72}",
           "https://discord.com/developers/docs/resources/webhook"),
    Format("stripe_key", "a Stripe key", r"\b[sr]k_(?:live|test|prod)_", _A + "{10,247}",
           "https://docs.stripe.com/keys"),
    Format("stripe_webhook_secret", "a Stripe webhook secret", r"\bwhsec_", "[A-Za-z0-9+/=]{32,64}",
           "https://docs.stripe.com/webhooks"),
    Format("anthropic_key", "an Anthropic key", r"\bsk-ant-[a-z]{3,7}[0-9]{2}-", _W + "{80,120}", _LEAKS),
    Format("openai_key", "an OpenAI key", r"\bsk-" + _W + "{16}", _W + "{0,150}T3BlbkFJ" + _W + "{20,150}", _SCANNED),
    Format("openrouter_key", "an OpenRouter key", r"\bsk-or-v1-", _HEX + "{64}", _SCANNED),
    Format("xai_key", "an xAI key", r"\bxai-", _A + "{80}", _SCANNED),
    Format("groq_key", "a Groq key", r"\bgsk_", _A + "{52}", _SCANNED),
    Format("perplexity_key", "a Perplexity key", r"\bpplx-", _A + "{48}", _LEAKS),
    Format("replicate_token", "a Replicate token", r"\br8_" + _A + "{4}", _A + "{33}", _SCANNED),
    Format("hugging_face_token", "a Hugging Face token", r"\bhf_[A-Za-z]{8}", "[A-Za-z]{26}", _LEAKS),
    Format("langsmith_key", "a LangSmith key", r"\blsv2_(?:pt|sk)_", _HEX + "{32}_" + _HEX + "{10}", _SCANNED),
    Format("npm_token", "an npm token", r"npm_" + _A + "{4}", _A + "{32}", _NPM, crc32_base62, open_end=True),
    Format("pypi_token", "a PyPI token", r"\bpypi-AgE", "(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)" + _W + "{50,}",
           "https://docs.pypi.org/api/secrets/", open_end=True),
    Format("rubygems_key", "a RubyGems key", r"\brubygems_", _HEX + "{48}", _LEAKS),
    Format("docker_token", "a Docker Hub token", r"\bdckr_(?:pat|oat)_", _W + "{27,32}", _SCANNED),
    Format("digitalocean_token", "a DigitalOcean token", r"\bdo[opr]_v1_", _HEX + "{64}", _LEAKS),
    Format("databricks_token", "a Databricks token", r"\bdapi" + _HEX + "{8}", _HEX + "{24}(?:-[0-9])?", _LEAKS),
    Format("shopify_token", "a Shopify token", r"\bshp(?:at|ca|pa|ss)_", "[a-fA-F0-9]{32}", _LEAKS),
    Format("sendgrid_key", "a SendGrid key", r"\bSG\." + _W + "{8}", _W + r"{14}\." + _W + "{43}", _SCANNED),
    Format("mailgun_key", "a Mailgun key", r"\bkey-" + _HEX + "{8}", _HEX + "{24}", _LEAKS),
    Format("telegram_token", "a Telegram bot token", r"\b[0-9]{8,10}:AA" + _W + "{4}", _W + "{29}",
           "https://core.telegram.org/bots/api#authorizing-your-bot"),
    Format("grafana_token", "a Grafana service account token", r"\bglsa_", _A + "{32}_[0-9a-fA-F]{8}", _LEAKS),
    Format("vault_token", "a HashiCorp Vault token", r"\bhv[sbr]\.", _W + "{80,300}", _LEAKS),
    Format("terraform_token", "a Terraform Cloud token", r"\.atlasv1\.", "[A-Za-z0-9=_-]{60,70}", _LEAKS),
    Format("atlassian_token", "an Atlassian token", r"\bATATT3", "[A-Za-z0-9_=-]{180,190}", _LEAKS),
    Format("linear_key", "a Linear key", r"\blin_api_", _A + "{40}", _LEAKS),
    Format("notion_token", "a Notion token", r"\bntn_", "[0-9]{11}" + _A + "{35}", _LEAKS),
    Format("new_relic_key", "a New Relic key", r"\bNRAK-", "[A-Z0-9]{27}", _LEAKS),
    Format("postman_key", "a Postman key", r"\bPMAK-", "[a-f0-9]{24}-[a-f0-9]{34}", _LEAKS),
    Format("supabase_token", "a Supabase token", r"\bsbp_", _HEX + "{40}", _SCANNED),
    Format("age_key", "an age secret key", r"\bAGE-SECRET-KEY-1", "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
           "https://age-encryption.org/v1"),
    Format("private_key", "a private key", "-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----",
           r"(?s:.{0,300}?)[A-Za-z0-9+/]{40,}[\s\\A-Za-z0-9+/=]*(?:-----END[A-Z0-9 ]{0,40}-----)?",
           "RFC 7468, RFC 9580 and PROTOCOL.key of OpenSSH", open_end=True),
    Format("putty_key", "a PuTTY private key", "PuTTY-User-Key-File-[23]: ", "[^\\x00]{20,}?Private-Lines: [0-9]+",
           "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html", open_end=True),
    Format("jwt", "a signed JSON Web Token", r"\beyJ" + _W + "{8}", _W + r"{4,}\.eyJ" + _W + r"{4,}\." + _W + "{20,}",
           "RFC 7519 with RFC 7515", open_end=True),
    Format("bearer_token", "an Authorization header", r"(?i:\b(?:bearer|basic)[ \t]{1,4})[A-Za-z0-9._~+/-]{20}",
           "[A-Za-z0-9._~+/-]*=*", "RFC 6750 section 2.1 and RFC 7617 section 2", open_end=True),
    Format("url_password", "a password inside a URL", r"://[^\s/:@'\"<>]{0,64}:[^\s/@'\"<>]{1,128}@", r"[\w.\[-]",
           "RFC 3986 section 3.2.1", open_end=True),
)  # fmt: skip
"""Every format, the more special one first where two fit."""
