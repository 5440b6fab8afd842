"""The application for a WSGI server."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
call_command("migrate", run_syncdb=True, verbosity=0)  # each run of the tests has a new database
