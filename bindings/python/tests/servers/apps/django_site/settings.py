"""A Django project without a database. SPLITIO stands here as in Split's guide."""

from service import CONFIG, URLS

SECRET_KEY = "of tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_site.urls"
USE_TZ = True

INSTALLED_APPS = (
    "django.contrib.contenttypes",
    "django_splitio",
    "django_splitio_testapp",
)
SPLITIO = {
    "apiKey": "YOUR_SDK_KEY",
    **CONFIG,
    **URLS,
}
