"""Split's guide, "Adding postfork handler", Django: settings."""

from service import CONFIG, URLS

from django_site.settings import ALLOWED_HOSTS, INSTALLED_APPS, ROOT_URLCONF, SECRET_KEY, USE_TZ

__all__ = ["ALLOWED_HOSTS", "INSTALLED_APPS", "ROOT_URLCONF", "SECRET_KEY", "USE_TZ"]

SPLITIO = {
    "apiKey": "YOUR_SDK_KEY",
    "preforkedInitialization": True,  ## Step 2
    **CONFIG,
    **URLS,
}
