"""Django's settings, read from the environment. Every name is explained in docs/reference/settings.md."""

from __future__ import annotations

from typing import Any

from tollgate import environment
from tollgate.ui.loading import BUILTINS, loaders

DEBUG = environment.flag("TOLLGATE_DEBUG", False)
SECRET_KEY = environment.secret("TOLLGATE_SECRET_KEY", "") or environment.kept_secret("secret.key")
ALLOWED_HOSTS = environment.text("TOLLGATE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "tollgate.store",
    "tollgate.ui",
    "tollgate.panel",  # before allauth, whose pages it dresses
    "tollgate.portal",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "csp",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tollgate.config.languages.Languages",
    "tollgate.config.unreadable_days.UnreadableDays",
    "tollgate.config.sessions.IdleLogout",
    "tollgate.portal.frame.FrontDoor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "tollgate.config.urls"
WSGI_APPLICATION = "tollgate.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": loaders(),
            "builtins": BUILTINS,
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tollgate.panel.frame.frame",
                "tollgate.portal.frame.frame",
            ],
        },
    },
]


def database(url: str) -> dict[str, Any]:
    """Django's form of a PostgreSQL address."""
    parts = environment.database_parts(url)
    limit_s = environment.number("TOLLGATE_STATEMENT_LIMIT_S", 30)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("name"),
        "USER": parts.pop("user"),
        "PASSWORD": parts.pop("password"),
        "HOST": parts.pop("host"),
        "PORT": parts.pop("port"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # An old snapshot slows every call down: nothing may sit in a transaction for long.
        "OPTIONS": {
            "options": f"-c statement_timeout={limit_s}s -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
            **parts,
        },
    }


DATABASES = {"default": database(environment.database_url() or "postgresql://tollgate@127.0.0.1:5432/tollgate")}
CACHES = {
    # In the database, so that login limits hold across all web processes.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"},
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"

AUTH_USER_MODEL = "store.User"
AUTHENTICATION_BACKENDS = [
    "tollgate.config.languages.Staff",
    "allauth.account.auth_backends.AuthenticationBackend",  # of sessions that began before there were languages
]
PASSWORD_HASHERS = [
    "tollgate.store.passwords.PepperedHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
BREACHED_PASSWORDS = environment.text("TOLLGATE_BREACHED_PASSWORDS", "")
if BREACHED_PASSWORDS:
    AUTH_PASSWORD_VALIDATORS += [
        {"NAME": "tollgate.gateways.stolen_passwords.StolenPasswordValidator", "OPTIONS": {"path": BREACHED_PASSWORDS}}
    ]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "tollgate.config.sessions.StaffOnly"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login_failed": None}  # failures are counted by sessions.StaffOnly
MFA_ADAPTER = "tollgate.config.passkeys.Keeping"
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]  # recovery codes are the house's own: actions.user_factors
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Tollgate"
MFA_FORMS = {
    "authenticate": "tollgate.config.second_factor.LoginCodeForm",
    "reauthenticate": "tollgate.config.second_factor.RepeatedCodeForm",
    "add_webauthn": "tollgate.config.passkeys.AddPasskeyForm",
    "edit_webauthn": "tollgate.config.passkeys.RenamePasskeyForm",
    "login_webauthn": "tollgate.config.passkeys.PasskeyLoginForm",
}

SECURE_COOKIES = environment.flag("TOLLGATE_SECURE_COOKIES", False)
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "tollgate_panel"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
IDLE_LOGOUT_MINUTES = environment.number("TOLLGATE_IDLE_LOGOUT_MINUTES", 60, least=1)
CSRF_COOKIE_NAME = "tollgate_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_TRUSTED_ORIGINS = [origin for origin in environment.text("TOLLGATE_ORIGINS", "").split(",") if origin]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = environment.flag("TOLLGATE_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    },
}

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Assets are served from the package itself: nothing to collect, nothing to forget after an upgrade.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": environment.text("TOLLGATE_LOG_LEVEL", "WARNING").upper()},
}
