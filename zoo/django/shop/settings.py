"""The settings, as `django-admin startproject` writes them, with CORS and compression."""

import os
import secrets

SECRET_KEY = secrets.token_hex()
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "corsheaders",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "shop.middleware.StripeMiddleware",
]
ROOT_URLCONF = "shop.urls"
# A deferred transaction that comes to write late is refused with "database is locked".
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", "shop.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    },
}
CORS_ALLOW_ALL_ORIGINS = True
USE_TZ = True
API_KEY = os.environ["API_KEY"]
