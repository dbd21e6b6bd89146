"""The web server's entry: `gunicorn tollgate.config.wsgi:application`."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from tollgate import environment

environment.export("DJANGO_SETTINGS_MODULE", "tollgate.config.settings")
application = get_wsgi_application()
